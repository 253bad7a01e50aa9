import { z } from 'zod';
import { positiveDuration } from '../config/schema.ts';
import { verifyHandled } from './handled.ts';
import { optionsOf, type Step } from './step.ts';

/** Health must last: one unhealthy reading fails the watch (the page waits, checks, waits, checks). */
export const watchHealth: Step = {
  name: 'watch-health',
  summary: 'Health must last: looks every so often for so long; one unhealthy look fails it.',
  changes: false,
  options: z.strictObject({
    for: positiveDuration.prefault('20m').describe('How long health must last.'),
    every: positiveDuration.prefault('10m').describe('Time between the looks; the first comes after this long.'),
  }),
  checks(options) {
    const { for: total, every } = options as { for: number; every: number };
    return every > total ? ['every: is longer than for: the watch would end before its first look'] : [];
  },
  says: (options) => `Watch that health lasts for ${Math.round((options.for as number) / 60_000)} min`,

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
    if (now < startedAt + every) return { is: 'pending', until: upcoming, says: 'watching that health lasts' };
    const seen = await verifyHandled(context);
    const lasts = seen.is === 'done' && seen.health === 'healthy';
    if (lasts && now < end) return { is: 'pending', until: upcoming, says: `healthy so far: ${seen.says}` };
    return seen;
  },
};
