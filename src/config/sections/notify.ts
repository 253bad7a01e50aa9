import { z } from 'zod';
import { hasLogin } from '../schema.ts';

const log = z.strictObject({ channel: z.literal('log').describe('log or webhook.') });

const webhook = z.strictObject({
  channel: z.literal('webhook').describe('log or webhook.'),
  url: z
    .url({ protocol: /^https?$/, error: 'is not an http address' })
    .refine((url) => !hasLogin(url), 'holds a user or password: use token-file')
    .describe('Where the notification is posted.'),
  token: z.string().min(1, 'is empty').optional().describe('The bearer token to show there. Better: token-file.'),
  tokenFile: z.string().min(1, 'is empty').optional().describe('A file that holds the bearer token.'),
});

export const notify = z
  .array(
    z.discriminatedUnion('channel', [log, webhook], {
      error: (issue) => (issue.code === 'invalid_union' ? 'must be "log" or "webhook"' : undefined),
    }),
  )
  .prefault([{ channel: 'log' }])
  .describe('Whom to tell: the log, a webhook.');
