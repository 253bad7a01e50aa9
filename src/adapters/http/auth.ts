import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { HttpProblem } from './problem.ts';

export type Role = 'sender' | 'viewer' | 'operator' | 'admin';

/**
 * Whom the configuration knows. A sender has a token, or a secret to sign its posts with, or both; while one is replaced
 * there are several of it, and all are good.
 */
export interface Identity {
  name: string;
  role: Role;
  tokens: readonly string[];
  signingSecrets: readonly string[];
}

/** What a route asks for. A sender may post alerts and nothing else; each of the others may do what the one before may. */
export type Access = 'open' | 'sender' | 'viewer' | 'operator' | 'admin';

const ALLOWED: Record<Access, readonly Role[]> = {
  open: ['sender', 'viewer', 'operator', 'admin'],
  sender: ['sender', 'operator', 'admin'],
  viewer: ['viewer', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};

/** A signature is good for this long, before and after: clocks differ. */
const SIGNATURE_WINDOW_SECONDS = 300;

/** Compared by digest, so that neither length nor content shows in the time it takes. */
const same = (a: string, b: string) =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

/** Every secret of every identity is compared, whichever fits, so that the time tells nothing of its place. */
function search(
  identities: readonly Identity[],
  kind: 'tokens' | 'signingSecrets',
  fits: (secret: string) => boolean,
): Identity | undefined {
  return identities.filter((identity) => identity[kind].filter(fits).length > 0)[0];
}

/**
 * Who shows a token: `Authorization: Bearer <token>`, or Basic with the token as password (any user name), which is what
 * a browser can do.
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

/** Who signed: `X-Signature: sha256=<hex>` is the HMAC-SHA256 of `<X-Timestamp>.<body>`. */
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

/** Throws unless that identity may come in here. */
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
 * Against other sites in the browser of someone who may come in. Where no token is asked for, the name in the address
 * must be this machine's own (a stranger's domain may point here), and no page of another origin may change anything.
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
