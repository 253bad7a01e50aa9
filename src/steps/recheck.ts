import { z } from 'zod';
import { duration } from '../config/schema.ts';
import { span } from '../lib/span.ts';
import { verifyHandled } from './handled.ts';
import { optionsOf, type Step } from './step.ts';

/** Runs the related probes again (or waits for a fresh AlertValue). If healthy, the playbook ends here. */
export const recheck: Step = {
  name: 'recheck',
  summary:
    'Verifies again the monitors that this playbook handles; if they are healthy, the playbook ends as recovered.',
  changes: false,
  verifies: true,
  options: z.strictObject({
    attempts: z.int().min(1).max(20).default(3).describe('Number of checks before the server counts as unhealthy.'),
    every: duration.prefault('20s').describe('Time between checks.'),
  }),
  says: () => 'Recheck health',
  sentence: ({ attempts, every }) =>
    `Verifies the health of the handled monitors, up to ${attempts} times, ${span(every as number)} apart.`,
  worst: (options) => ({ takes: (options.attempts as number) * (options.every as number) }),

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll(context) {
    const { attempts, every } = optionsOf<{ attempts: number; every: number }>(context);
    const seen = await verifyHandled(context);
    const again = seen.is === 'done' && seen.health === 'unhealthy' && context.record.unhealthyTries + 1 < attempts;
    return again ? { is: 'pending', until: context.clock.now() + every, says: seen.says, counts: 'health' } : seen;
  },
};
