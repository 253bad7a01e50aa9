import { z } from 'zod';

const keys = z.strictObject({
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
  recording: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe('A file of `second-responder record`: the lab begins as that organisation was.'),
  cure: z
    .enum(['restart-service', 'restart-server', 'fail-over', 'none'])
    .prefault('restart-service')
    .describe(
      'What cures the monitors that are unhealthy in `lab.recording`. A service is the one that they watch; where none is known, it is a reboot.',
    ),
});

/** One of the two says how the lab begins. */
export const lab = keys.superRefine(({ organisation, recording }, context) => {
  if (organisation === undefined || recording === undefined) return;
  const message = 'does not go together with lab.organisation: the lab begins with one of the two; remove the other';
  context.addIssue({ code: 'custom', path: ['recording'], message });
});
