import { z } from 'zod';
import { size } from '../schema.ts';

const ROLES = ['sender', 'viewer', 'operator', 'admin'] as const;

/** What is shorter can be found by trying. */
const SHORTEST = 16;

/** The secrets of a text: one a line, the newest first. While one is replaced by another, both are accepted. */
export const secretsIn = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** What is wrong with a secret that lets somebody in. */
export function weakness(text: string): string | undefined {
  const lines = secretsIn(text);
  const short = lines.findIndex((line) => line.length < SHORTEST);
  if (short < 0) return undefined;
  const which = lines.length === 1 ? 'holds' : `holds, as its secret ${short + 1},`;
  return `${which} less than ${SHORTEST} characters, which can be guessed: make one with "openssl rand -hex 32"`;
}

interface Secrets {
  name: string;
  token?: string | undefined;
  signingSecret?: string | undefined;
}

/** Two that nobody could tell apart, in a sentence about the later one. */
export function twinsAmong(entries: readonly Secrets[]): string | undefined {
  for (const [index, entry] of entries.entries()) {
    const twin = entries
      .slice(0, index)
      .find((other) => alike(entry, other, 'token') || alike(entry, other, 'signingSecret'));
    if (twin) return `"${entry.name}" has the same secret as "${twin.name}": nobody could tell them apart`;
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
    name: z.string().min(1, 'is empty').describe('Who this is: it stands in the journal beside what this person did.'),
    role: z
      .enum(ROLES)
      .describe('sender may post alerts; viewer reads; operator approves, cancels and stops; admin reloads.'),
    token: secret.optional().describe('The bearer token itself. Better: token-file.'),
    tokenFile: file()
      .optional()
      .describe('A file that holds the bearer token; several lines are several, all accepted.'),
    signingSecret: secret
      .optional()
      .describe('A sender may sign its posts (X-Signature) with this instead of showing a token.'),
    signingSecretFile: file()
      .optional()
      .describe('A file that holds the signing secret; several lines are several, all accepted.'),
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

const tls = z.strictObject({
  certFile: file().describe('The certificate (PEM), with those between it and its root; read anew when it changes.'),
  keyFile: file().describe('Its private key (PEM); read anew when it changes.'),
  clientCaFile: file()
    .optional()
    .describe(
      'Only clients with a certificate signed by one of these (PEM) are talked to; they show their token besides.',
    ),
});

export const http = z.strictObject({
  host: z
    .string()
    .min(1, 'is empty')
    .prefault('127.0.0.1')
    .describe('The address to listen on. Anything but loopback needs tokens.'),
  port: z.int().min(0).max(65_535).prefault(8080).describe('The port to listen on; 0 takes a free one.'),
  tls: tls.optional(),
  bodyLimit: size
    .optional()
    .describe('The largest body of a request. Absent: 2 kb for each alert that one request may hold.'),
  maxAlertsPerRequest: z.int().min(1).max(100_000).prefault(10_000).describe('The most alerts in one request.'),
  maxConnections: z
    .int()
    .min(2)
    .max(100_000)
    .prefault(1024)
    .describe(
      'The most connections at a time; one address (or IPv6 /64) may hold half of them, and the oldest without a token give way.',
    ),
  rateLimit: z
    .strictObject({
      perMinute: z.int().min(1).prefault(6000).describe('Requests a minute by one sender; more are answered 429.'),
      alertsPerMinute: z
        .int()
        .min(1)
        .prefault(60_000)
        .describe('Alerts a minute by one sender; a request that exceeds it is answered 429 as a whole.'),
    })
    .prefault({}),
  tokens: z.array(token).prefault([]).describe('Who may come in. None: open, and only on loopback.'),
});
