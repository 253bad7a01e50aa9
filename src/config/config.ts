import { z } from 'zod';
import type { Places } from './places.ts';
import { alerts } from './sections/alerts.ts';
import { exchange } from './sections/exchange.ts';
import { http } from './sections/http.ts';
import { lab } from './sections/lab.ts';
import { log } from './sections/log.ts';
import { notify } from './sections/notify.ts';
import { playbooks } from './sections/playbooks.ts';
import { safety } from './sections/safety.ts';
import { store } from './sections/store.ts';
import { verification } from './sections/verification.ts';
import { work } from './sections/work.ts';

/** The whole configuration. Each section fills in its own defaults. */
export const configSchema = z.strictObject({
  http: http.prefault({}),
  store: store.prefault({}),
  exchange: exchange.prefault({}),
  lab: lab.prefault({}),
  safety: safety.prefault({}),
  alerts: alerts.prefault({}),
  verification: verification.prefault({}),
  playbooks: playbooks.prefault({}),
  work: work.prefault({}),
  notify,
  log: log.prefault({}),
});

type Checked = z.output<typeof configSchema>;

/**
 * The configuration as the daemon uses it: durations in milliseconds, sizes in bytes, paths absolute, secrets read from
 * their files into `token` and `signingSecret`.
 */
export type Config = Omit<Checked, 'safety' | 'playbooks'> & {
  safety: Omit<Checked['safety'], 'mode'> & { mode: NonNullable<Checked['safety']['mode']> };
  /** `places`: of its values that only the playbooks show to be right. */
  playbooks: Checked['playbooks'] & { places: Places };
};
