import { z } from 'zod';

export const exchange = z.strictObject({
  kind: z
    .enum(['lab'], {
      error: (issue) =>
        issue.input === 'powershell'
          ? 'a real Exchange organisation by PowerShell is not part of this version; only "lab" is'
          : undefined,
    })
    .prefault('lab')
    .describe('Which organisation the daemon looks after: "lab", the simulated one.'),
  url: z
    .url({ protocol: /^https?$/, error: 'is not an http address, such as "http://127.0.0.1:8090"' })
    .optional()
    .describe('A lab that runs as a process of its own. Absent: the lab lives in the daemon’s process.'),
  sessions: z
    .int()
    .min(1)
    .max(1000)
    .prefault(16)
    .describe(
      'How many calls to Exchange this daemon makes at the same time. Exchange allows a user 18 unless told otherwise.',
    ),
});
