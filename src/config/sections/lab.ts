import { z } from 'zod';

const keys = z.strictObject({
  speed: z
    .number()
    .gt(0)
    .max(100_000)
    .prefault(1)
    .describe('How much faster than real time the lab runs: at 600, ten minutes pass in one second.'),
  seed: z
    .int()
    .min(0)
    .optional()
    .describe('Seed that makes the lab’s random choices (such as the mailbox a probe picks) repeatable.'),
  organisation: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe('File that describes the simulated organisation. Default: the shipped contoso.com.'),
  recording: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe('File from `second-responder record`; the lab starts in the state of the recorded organisation.'),
  cure: z
    .enum(['restart-service', 'restart-server', 'fail-over', 'none'])
    .prefault('restart-service')
    .describe(
      'Action that cures the unhealthy monitors of `lab.recording`. restart-service means the service that the monitor watches; where it is unknown, a reboot.',
    ),
});

/** The lab starts from an organisation file or a recording, not both. */
export const lab = keys.superRefine(({ organisation, recording }, context) => {
  if (organisation === undefined || recording === undefined) return;
  const message = 'cannot be combined with lab.organisation; remove one of the two';
  context.addIssue({ code: 'custom', path: ['recording'], message });
});
