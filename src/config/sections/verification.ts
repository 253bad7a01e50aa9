import { z } from 'zod';
import { duration, pattern, positiveDuration } from '../schema.ts';

/** Groups of a regular expression: an alternative that matches nothing shows them. */
function groupsOf(text: string): number {
  try {
    return (new RegExp(`${text}|`).exec('')?.length ?? 1) - 1;
  } catch {
    return 1; // `pattern` says what is wrong with it
  }
}

export const verification = z.strictObject({
  catalog: z.string().min(1, 'is empty').prefault('health-sets.yaml').describe('The catalog of health sets.'),
  randomRuns: z.int().min(1).max(20).prefault(3).describe('How often a probe that picks a mailbox at random is run.'),
  looks: z
    .int()
    .min(0)
    .max(100)
    .prefault(5)
    .describe('How many more looks an inconclusive one gets before it is escalated.'),
  lookEvery: positiveDuration.prefault('1m').describe('The time between two such looks.'),
  backEndPattern: pattern
    .refine((text) => groupsOf(text) === 1, 'must have exactly one group: the name of the mailbox server')
    .prefault('_Mbx:\\s*([A-Za-z0-9._-]+)')
    .describe(
      'Where a probe’s error names the mailbox server that served it. The real form is not documented: check yours.',
    ),
  probeTimeLimit: positiveDuration.prefault('330s').describe('Real time after which a probe counts as unanswered.'),
  callTimeLimit: positiveDuration
    .prefault('60s')
    .describe('Real time after which any other reading call counts as unanswered.'),
  rowGrace: duration
    .prefault('2m')
    .describe('How much longer than its recurrence and time-out a fresh row is waited for.'),
});
