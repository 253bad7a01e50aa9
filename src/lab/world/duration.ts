import { z } from 'zod';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST = 3650 * UNITS.d!;

/** `10m`, `30s`, `2h`, or a number of milliseconds; always on the organisation's clock. */
export const duration = z.union([z.string(), z.number()]).transform((written, context) => {
  const found = typeof written === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(written) : undefined;
  const ms = typeof written === 'number' ? written : Number(found?.[1]) * (UNITS[found?.[2] ?? ''] ?? Number.NaN);
  if (ms >= 0 && ms <= LONGEST) return ms;
  context.addIssue({ code: 'custom', message: 'not a duration: write 30s, 10m, 2h, or a number of milliseconds' });
  return z.NEVER;
});

/** Shortest period: without a minimum, time would never advance. */
const SHORTEST_PERIOD = UNITS.s!;

export const period = duration.refine((ms) => ms >= SHORTEST_PERIOD, 'too short: write at least 1s');
