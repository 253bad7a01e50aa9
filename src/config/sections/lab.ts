import { z } from 'zod';

export const lab = z.strictObject({
  speed: z
    .number()
    .gt(0)
    .max(100_000)
    .prefault(1)
    .describe('How much faster than the wall’s clock the lab’s time runs: 600 is ten minutes in a second.'),
  seed: z
    .int()
    .min(0)
    .optional()
    .describe('Makes the lab’s random choices (which mailbox a probe picks) the same each time.'),
  organisation: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe('A file that describes another organisation than the shipped contoso.com.'),
});
