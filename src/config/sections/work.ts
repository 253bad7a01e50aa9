import { z } from 'zod';
import { duration } from '../schema.ts';

export const work = z.strictObject({
  concurrency: z
    .int()
    .min(1)
    .max(1000)
    .prefault(8)
    .describe('Maximum number of incidents that this daemon advances at the same time.'),
  lease: duration
    .refine((ms) => ms >= 1_000, 'must be at least 1s, because a busy machine can be silent that long')
    .prefault('5s')
    .describe('How long a silent daemon keeps its incidents before another daemon may take them over.'),
  receive: z.boolean().prefault(true).describe('Whether this daemon receives alerts.'),
  work: z.boolean().prefault(true).describe('Whether this daemon works on incidents.'),
});
