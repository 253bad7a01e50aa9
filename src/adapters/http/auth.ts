import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { HttpProblem } from './problem.ts';

export type Role = 'sender' | 'viewer' | 'operator' | 'admin';

/**
 * An identity of the configuration. A sender has a token, a secret to sign its posts, or both. While one is being replaced
 * there are several, and all are valid.
 */
export interface Identity {
  name: string;
  role: Role;
  tokens: readonly string[];
  signingSecrets: readonly string[];
}

/** The role that a route requires. A sender may only post alerts; each other role includes the one before it. */
export type Access = 'open' | 'sender' | 'viewer' | 'operator' | 'admin';

const ALLOWED: Record<Access, readonly Role[]> = {
  open: ['sender', 'viewer', 'operator', 'admin'],
  sender: ['sender', 'operator', 'admin'],
  viewer: ['viewer', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};

/** A signature is valid for this long before and after its time, because clocks differ. */
const SIGNATURE_WINDOW_SECONDS = 300;

/** Compares digests, so that the time reveals neither length nor content. */
const same = (a: string, b: string) =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

/** Compares every secret of every identity, so that the time does not reveal which one matches. */
function search(
  identities: readonly Identity[],
  kind: 'tokens' | 'signingSecrets',
  fits: (secret: string) => boolean,
): Identity | undefined {
  return identities.filter((identity) => identity[kind].filter(fits).length > 0)[0];
}

/**
 * Identity of a token: `Authorization: Bearer <token>`, or Basic with the token as password and any user name, for
 * browsers.
 */
export function byToken(request: Request, identities: readonly Identity[]): Identity | undefined {
  const [, scheme = '', credentials = ''] =
    /^(bearer|basic)\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '') ?? [];
  if (scheme === '') return undefined;
  const token =
    scheme.toLowerCase() === 'bearer'
      ? credentials
      : Buffer.from(credentials, 'base64')
          .toString()
          .replace(/^[^:]*:/, '');
  return search(identities, 'tokens', (known) => same(known, token));
}

/** Identity of a signature: `X-Signature: sha256=<hex>` is the HMAC-SHA256 of `<X-Timestamp>.<body>`. */
export function bySignature(
  request: Request,
  body: Buffer,
  identities: readonly Identity[],
  now: number,
): Identity | undefined {
  const signature = request.headers['x-signature'];
  if (typeof signature !== 'string') return undefined;
  const timestamp = String(request.headers['x-timestamp'] ?? '');
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw unauthenticated('X-Timestamp must be the time of signing in whole seconds since 1970.');
  }
  if (Math.abs(now / 1000 - Number(timestamp)) > SIGNATURE_WINDOW_SECONDS) {
    throw unauthenticated(
      `X-Timestamp is more than ${SIGNATURE_WINDOW_SECONDS / 60} minutes from this machine's time: sign again, and check both clocks.`,
    );
  }
  const signer = search(identities, 'signingSecrets', (secret) => {
    const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
    return same(signature.toLowerCase(), `sha256=${expected}`);
  });
  if (!signer)
    throw unauthenticated('X-Signature does not match: it must be sha256=<HMAC-SHA256 of timestamp.body, in hex>.');
  return signer;
}

/** Throws unless the identity has the required role. */
export function admit(identity: Identity | undefined, access: Access): void {
  if (access === 'open') return;
  if (!identity)
    throw unauthenticated('Send Authorization: Bearer <token>, with a token from the configuration (http.tokens).');
  if (!ALLOWED[access].includes(identity.role)) {
    throw new HttpProblem(
      'forbidden',
      `${identity.name} has the role ${identity.role}; this requires ${ALLOWED[access].join(' or ')}.`,
    );
  }
}

const unauthenticated = (detail: string) =>
  new HttpProblem('unauthenticated', detail, {
    headers: { 'WWW-Authenticate': 'Bearer realm="second-responder", Basic realm="second-responder"' },
  });

/**
 * Protects against other sites in the browser of an authorised person. Without tokens, the host name must be this machine's
 * own, because any domain may point here, and pages of other origins may not change anything.
 */
export function refuseForeign(request: Request, options: { open: boolean; host: string }): void {
  const host = request.headers.host ?? '';
  if (options.open && !isLocal(hostnameOf(host), options.host)) {
    throw new HttpProblem(
      'foreign-host',
      `Host is "${host.slice(0, 100)}": without tokens only localhost, 127.0.0.1 and [::1] are allowed.`,
    );
  }
  const origin = request.headers.origin;
  if (origin === undefined || request.method === 'GET' || request.method === 'HEAD') return;
  const usual = origin.startsWith('https:') ? /:443$/ : /:80$/;
  if (!URL.canParse(origin) || new URL(origin).host !== host.toLowerCase().replace(usual, '')) {
    throw new HttpProblem(
      'foreign-origin',
      `Origin is "${origin.slice(0, 100)}", but the request goes to "${host.slice(0, 100)}".`,
    );
  }
}

const hostnameOf = (host: string) => host.toLowerCase().replace(/:\d+$/, '');

const isLocal = (hostname: string, listening: string) =>
  hostname === 'localhost' ||
  hostname === '[::1]' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname) ||
  hostname === listening.toLowerCase();
