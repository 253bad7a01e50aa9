import { z } from 'zod';

export const work = z.strictObject({
  concurrency: z
    .int()
    .min(1)
    .max(1000)
    .prefault(8)
    .describe('How many incidents this daemon advances at the same time.'),
  receive: z.boolean().prefault(true).describe('Whether this daemon takes alerts in.'),
  work: z.boolean().prefault(true).describe('Whether this daemon handles incidents.'),
});
