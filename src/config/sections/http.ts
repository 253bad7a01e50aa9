import { z } from 'zod';
import { size } from '../schema.ts';

const ROLES = ['sender', 'viewer', 'operator', 'admin'] as const;

/** Shorter secrets can be guessed. */
const SHORTEST = 16;

/**
 * The secrets of a text, one per line, newest first. All are accepted, so that a secret can be replaced without a gap.
 */
export const secretsIn = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Why a secret that grants access is too weak; undefined when it is not. */
export function weakness(text: string): string | undefined {
  const lines = secretsIn(text);
  const short = lines.findIndex((line) => line.length < SHORTEST);
  if (short < 0) return undefined;
  const which = lines.length === 1 ? 'has' : `has, in secret ${short + 1},`;
  return `${which} fewer than ${SHORTEST} characters and can be guessed; create one with "openssl rand -hex 32"`;
}

interface Secrets {
  name: string;
  token?: string | undefined;
  signingSecret?: string | undefined;
}

/** Reports the first entry that shares a secret with an earlier one. */
export function twinsAmong(entries: readonly Secrets[]): string | undefined {
  for (const [index, entry] of entries.entries()) {
    const twin = entries
      .slice(0, index)
      .find((other) => alike(entry, other, 'token') || alike(entry, other, 'signingSecret'));
    if (twin) return `"${entry.name}" has the same secret as "${twin.name}"; each token needs its own`;
  }
  return undefined;
}

function alike(a: Secrets, b: Secrets, which: 'token' | 'signingSecret'): boolean {
  const others = secretsIn(b[which] ?? '');
  return secretsIn(a[which] ?? '').some((secret) => others.includes(secret));
}

const secret = z
  .string()
  .min(1, 'is empty')
  .superRefine((text, context) => {
    const message = text === '' ? undefined : weakness(text);
    if (message) context.addIssue({ code: 'custom', message });
  });

const file = () => z.string().min(1, 'is empty');

const token = z
  .strictObject({
    name: z
      .string()
      .min(1, 'is empty')
      .describe('Name of the token’s owner, recorded in the journal with each of their actions.'),
    role: z
      .enum(ROLES)
      .describe('sender posts alerts; viewer reads; operator approves, cancels and stops; admin reloads.'),
    token: secret.optional().describe('The bearer token. Prefer token-file.'),
    tokenFile: file()
      .optional()
      .describe('File with the bearer token; with several lines, each line is a token, and all are accepted.'),
    signingSecret: secret
      .optional()
      .describe('Secret with which a sender signs its posts (X-Signature) instead of sending a token.'),
    signingSecretFile: file()
      .optional()
      .describe('File with the signing secret; with several lines, each line is a secret, and all are accepted.'),
  })
  .superRefine((entry, context) => {
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (entry.token && entry.tokenFile) complain('tokenFile', 'cannot be combined with token; remove one of the two');
    if (entry.signingSecret && entry.signingSecretFile)
      complain('signingSecretFile', 'cannot be combined with signing-secret; remove one of the two');
    const signs = Boolean(entry.signingSecret || entry.signingSecretFile);
    if (signs && entry.role !== 'sender') complain('role', 'only a sender can sign its requests');
    if (!signs && !entry.token && !entry.tokenFile)
      context.addIssue({ code: 'custom', message: 'has no secret; add token-file (or token)' });
  });

const tls = z.strictObject({
  certFile: file().describe('Certificate (PEM) with its intermediate certificates; reloaded when it changes.'),
  keyFile: file().describe('Private key of the certificate (PEM); reloaded when it changes.'),
  clientCaFile: file()
    .optional()
    .describe(
      'Certificate authorities (PEM): clients must present a certificate signed by one of them, in addition to their token.',
    ),
});

export const http = z.strictObject({
  host: z
    .string()
    .min(1, 'is empty')
    .prefault('127.0.0.1')
    .describe('Address to listen on. Any address other than loopback requires tokens.'),
  port: z.int().min(0).max(65_535).prefault(8080).describe('Port to listen on; 0 selects a free port.'),
  tls: tls.optional(),
  bodyLimit: size
    .optional()
    .describe('Maximum size of a request body. Default: 2 kb for each alert that one request may contain.'),
  maxAlertsPerRequest: z
    .int()
    .min(1)
    .max(100_000)
    .prefault(10_000)
    .describe('Maximum number of alerts in one request.'),
  maxConnections: z
    .int()
    .min(2)
    .max(100_000)
    .prefault(1024)
    .describe(
      'Maximum number of open connections. One address (or IPv6 /64) may use half of them; when they run out, the oldest connections without a token are closed.',
    ),
  rateLimit: z
    .strictObject({
      perMinute: z
        .int()
        .min(1)
        .prefault(6000)
        .describe('Requests per minute from one sender; further requests get 429.'),
      alertsPerMinute: z
        .int()
        .min(1)
        .prefault(60_000)
        .describe('Alerts per minute from one sender; a request that exceeds the limit gets 429 as a whole.'),
    })
    .prefault({}),
  tokens: z.array(token).prefault([]).describe('Access tokens. Without any, the API is open, and only on loopback.'),
});
