import { z } from 'zod';
import { positiveDuration } from '../config/schema.ts';
import { span } from '../lib/span.ts';
import { verifyHandled } from './handled.ts';
import { optionsOf, type Step } from './step.ts';

/** Health must persist: one unhealthy check fails the step (Microsoft's page says wait, check, wait, check). */
export const watchHealth: Step = {
  name: 'watch-health',
  summary: 'Checks health repeatedly for a while; one unhealthy check fails the step.',
  changes: false,
  verifies: true,
  options: z.strictObject({
    for: positiveDuration.prefault('20m').describe('How long the server must stay healthy.'),
    every: positiveDuration.prefault('10m').describe('Time between checks; the first one runs after this long.'),
  }),
  checks(options) {
    const { for: total, every } = options as { for: number; every: number };
    return every > total ? ['every: is longer than for: the watch would end before its first check'] : [];
  },
  sentence: (options) =>
    `Watches for ${span(options.for as number)} whether the server stays healthy: verifies every ${span(options.every as number)}.`,
  says: (options) => `Watch that the server stays healthy for ${Math.round((options.for as number) / 60_000)} min`,

  worst: (options) => ({ takes: options.for as number }),

  async begin({ clock }) {
    return { begin: 'start', note: { startedAt: clock.now() } };
  },

  async poll(context) {
    const { for: total, every } = optionsOf<{ for: number; every: number }>(context);
    const startedAt = context.record.note.startedAt as number;
    const now = context.clock.now();
    const end = startedAt + total;
    const upcoming = Math.min(end, startedAt + every * (Math.floor((now - startedAt) / every) + 1));
    if (now < startedAt + every)
      return { is: 'pending', until: upcoming, says: 'watching whether the server stays healthy' };
    const seen = await verifyHandled(context);
    const healthy = seen.is === 'done' && seen.health === 'healthy';
    if (healthy && now < end) return { is: 'pending', until: upcoming, says: `healthy so far: ${seen.says}` };
    return seen;
  },
};
