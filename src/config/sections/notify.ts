import { z } from 'zod';
import { hasLogin } from '../schema.ts';

const log = z.strictObject({ channel: z.literal('log').describe('log or webhook.') });

const webhook = z.strictObject({
  channel: z.literal('webhook').describe('log or webhook.'),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http URL' })
    .refine((url) => !hasLogin(url), 'must not contain a user or password; use token-file')
    .describe('URL that notifications are posted to.'),
  token: z.string().min(1, 'is empty').optional().describe('Bearer token for the webhook. Prefer token-file.'),
  tokenFile: z.string().min(1, 'is empty').optional().describe('File with the bearer token.'),
});

export const notify = z
  .array(
    z.discriminatedUnion('channel', [log, webhook], {
      error: (issue) => (issue.code === 'invalid_union' ? 'must be "log" or "webhook"' : undefined),
    }),
  )
  .prefault([{ channel: 'log' }])
  .describe('Channels for notifications: the log, webhooks.');
