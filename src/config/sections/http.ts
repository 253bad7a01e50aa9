import { z } from 'zod';
import { size } from '../schema.ts';

export const ROLES = ['sender', 'viewer', 'operator', 'admin'] as const;

const secret = z.string().min(1, 'is empty');

const token = z
  .strictObject({
    name: z.string().min(1, 'is empty').describe('Who this is: it stands in the journal beside what this person did.'),
    role: z
      .enum(ROLES)
      .describe('sender may post alerts; viewer reads; operator approves, cancels and stops; admin reloads.'),
    token: secret.optional().describe('The bearer token itself. Better: token-file.'),
    tokenFile: z.string().optional().describe('A file that holds the bearer token.'),
    signingSecret: secret
      .optional()
      .describe('A sender may sign its posts (X-Signature) with this instead of showing a token.'),
    signingSecretFile: z.string().optional().describe('A file that holds the signing secret.'),
  })
  .superRefine((entry, context) => {
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (entry.token && entry.tokenFile) complain('tokenFile', 'stands beside token: give one of the two');
    if (entry.signingSecret && entry.signingSecretFile)
      complain('signingSecretFile', 'stands beside signing-secret: give one of the two');
    const signs = Boolean(entry.signingSecret || entry.signingSecretFile);
    if (signs && entry.role !== 'sender') complain('role', 'only a sender can sign its requests');
    if (!signs && !entry.token && !entry.tokenFile)
      context.addIssue({ code: 'custom', message: 'names no secret: add token-file (or token)' });
  });

export const http = z.strictObject({
  host: z
    .string()
    .min(1, 'is empty')
    .prefault('127.0.0.1')
    .describe('The address to listen on. Anything but loopback needs tokens.'),
  port: z.int().min(0).max(65_535).prefault(8080).describe('The port to listen on; 0 takes a free one.'),
  bodyLimit: size.prefault('1mb').describe('The largest body of a request.'),
  maxAlertsPerRequest: z.int().min(1).max(100_000).prefault(10_000).describe('The most alerts in one request.'),
  rateLimit: z
    .strictObject({
      perMinute: z.int().min(1).prefault(6000).describe('Requests a minute by one sender; more are answered 429.'),
    })
    .prefault({}),
  tokens: z.array(token).prefault([]).describe('Who may come in. None: open, and only on loopback.'),
});
