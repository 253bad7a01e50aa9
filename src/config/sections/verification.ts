import { z } from 'zod';
import { duration, pattern, positiveDuration } from '../schema.ts';

/** The number of groups in a regular expression: matching its added empty alternative lists them all. */
function groupsOf(text: string): number {
  try {
    return (new RegExp(`${text}|`).exec('')?.length ?? 1) - 1;
  } catch {
    return 1; // `pattern` reports the error
  }
}

export const verification = z.strictObject({
  catalog: z.string().min(1, 'is empty').prefault('health-sets.yaml').describe('Catalog file of health sets.'),
  randomRuns: z.int().min(1).max(20).prefault(3).describe('Number of runs of a probe that picks a random mailbox.'),
  looks: z
    .int()
    .min(0)
    .max(100)
    .prefault(5)
    .describe('Number of further verifications after an inconclusive one before the incident is escalated.'),
  lookEvery: positiveDuration.prefault('1m').describe('Time between two of those verifications.'),
  backEndPattern: pattern
    .refine((text) => groupsOf(text) === 1, 'must have exactly one group, for the name of the mailbox server')
    .prefault('_Mbx:\\s*([A-Za-z0-9._-]+)')
    .describe(
      'Regular expression for the mailbox server named in a probe’s error. The format is undocumented; check it against your servers.',
    ),
  probeTimeLimit: positiveDuration.prefault('330s').describe('Real time after which a probe counts as timed out.'),
  callTimeLimit: positiveDuration.prefault('60s').describe('Real time after which any other read counts as timed out.'),
  rowGrace: duration.prefault('2m').describe('How long to wait for a fresh row beyond its recurrence and timeout.'),
});
