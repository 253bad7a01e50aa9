import { z } from 'zod';
import { duration } from '../schema.ts';

export const work = z.strictObject({
  concurrency: z
    .int()
    .min(1)
    .max(1000)
    .prefault(8)
    .describe('How many incidents this daemon advances at the same time.'),
  lease: duration
    .refine((ms) => ms >= 1_000, 'must be 1s at least: a busy machine is silent for so long')
    .prefault('5s')
    .describe('How long a daemon that has fallen silent keeps its incidents from the others.'),
  receive: z.boolean().prefault(true).describe('Whether this daemon takes alerts in.'),
  work: z.boolean().prefault(true).describe('Whether this daemon handles incidents.'),
});
