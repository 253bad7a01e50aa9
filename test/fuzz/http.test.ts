/** What comes in by the front door: through the whole app, and by the parts of it that decide who may. */
import { createHmac } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Request } from 'express';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { bySignature, byToken } from '../../src/adapters/http/auth.ts';
import { HttpProblem } from '../../src/adapters/http/problem.ts';
import { SOURCES } from '../../src/sources/index.ts';
import { GOOD, identitiesOf, NOW, type Running, start, stopAll } from '../unit/http/fake.ts';
import { failsOnlyWith, fuzz, mutated, spliced, text, value } from './fuzz.ts';

const KNOWN = [
  { name: 'ada', role: 'admin', token: 'the-token-of-ada-1\nthe-token-of-ada-2' },
  { name: 'signer', role: 'sender', signingSecret: 'the-secret-of-signer' },
] as const;
const identities = identitiesOf(KNOWN);

let open: Running;
let guarded: Running;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
beforeAll(async () => {
  const config = { maxConnections: 5_000, rateLimit: { perMinute: 10_000_000, alertsPerMinute: 10_000_000 } };
  open = await start({}, { config });
  guarded = await start({}, { config: { ...config, tokens: KNOWN }, limits: { headersMs: 200, requestMs: 400 } });
});
afterAll(async () => {
  agent.destroy();
  await stopAll();
});

const headersOf = (headers: Record<string, string>) => ({ headers }) as unknown as Request;

const credentials = fc.oneof(text, spliced('Bearer the-token-of-ada-1', 'Basic YWRhOnRoZS10b2tlbi1vZi1hZGEtMg=='));
fuzz('tokens', 'only a token gives access', credentials, (authorization) => {
  const identity = byToken(headersOf({ authorization }), identities);
  if (identity) expect(tokenIn(authorization)).toMatch(/^the-token-of-ada-[12]$/);
});

/** Written a second time, in another way. */
function tokenIn(authorization: string): string {
  const [scheme = '', shown = ''] = authorization.trim().split(/\s+/);
  if (scheme.toLowerCase() === 'bearer') return shown;
  const decoded = Buffer.from(shown, 'base64').toString();
  return decoded.slice(decoded.indexOf(':') + 1);
}

const BODY = JSON.stringify(GOOD);
const seconds = NOW / 1000;
const hmac = (at: string, body: string) =>
  `sha256=${createHmac('sha256', 'the-secret-of-signer').update(`${at}.${body}`).digest('hex')}`;
const signed = fc.record({
  signature: fc.oneof(spliced(hmac(String(seconds), BODY)), fc.constant(hmac(String(seconds), BODY)), text),
  timestamp: fc.oneof(spliced(String(seconds)), fc.constant(String(seconds)), text),
  body: fc.oneof(spliced(BODY), fc.constant(BODY)),
});
fuzz('signatures', 'nobody is let in by what is not a signature', signed, ({ signature, timestamp, body }) => {
  failsOnlyWith(HttpProblem, () => {
    const headers = headersOf({ 'x-signature': signature, 'x-timestamp': timestamp });
    const signer = bySignature(headers, Buffer.from(body), identities, NOW);
    expect(signer?.name).toBe('signer');
    expect(Buffer.from(signature.toLowerCase())).toEqual(Buffer.from(hmac(timestamp, body)));
  });
});

/** What a header can hold at all; Node refuses the rest before it is sent. */
const header = text.map((given) => given.replace(/[^\t\x20-\x7e]/g, '~').slice(0, 500));
const PATHS = [
  ...SOURCES.map(({ name }) => `/api/v1/alerts/${name}`),
  ...['/api/v1/incidents', '/api/v1/incidents/inc-1/cancel', '/api/v1/kill-switch', '/api/v1/events', '/readyz'],
  ...['/api/v1/incidents?limit=5&cursor=1%3Aa&state=open&since=2024-11-23', '/api/v1/playbooks/reload', '/queues'],
];
const asked = fc.record({
  method: fc.constantFrom('POST', 'POST', 'POST', 'PUT', 'GET', 'DELETE'),
  path: fc.oneof(fc.constantFrom(...PATHS), spliced(...PATHS)).map(
    (path) =>
      `/${path
        .replace(/[^\x21-\x7e]/g, '%')
        .replace(/^\/+/, '')
        .slice(0, 2_000)}`,
  ),
  body: fc.oneof(
    mutated(...SOURCES.map(({ example }) => example)).map((body) => JSON.stringify(body) ?? ''),
    value.map((body) => JSON.stringify(body) ?? ''),
    spliced(BODY),
  ),
  type: fc.oneof({ weight: 5, arbitrary: fc.constant('application/json') }, { weight: 1, arbitrary: header }),
  extra: fc.dictionary(
    fc.constantFrom('x-signature', 'x-timestamp', 'authorization', 'last-event-id', 'origin', 'content-encoding'),
    header,
    { maxKeys: 2 },
  ),
});

fuzz(
  'requests',
  'every request has an answer, and none is a defect',
  asked,
  async ({ method, path, body, type, extra }) => {
    for (const { url } of [open, guarded]) {
      const status = await send(url, method, path, body, { 'Content-Type': type, ...extra });
      expect([...OK, 400, 401, 403, 404, 405, 409, 413, 415, 422]).toContain(status);
      if (url === guarded.url && OK.includes(status))
        expect(['/readyz', '/', '/healthz', '/metrics']).toContain(path.split(/[?#]/)[0]);
    }
  },
);
const OK = [200, 202, 301];

function send(url: string, method: string, path: string, body: string, headers: Record<string, string>) {
  return new Promise<number>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = method === 'GET' ? '' : body;
    const all = { ...headers, 'Content-Length': String(Buffer.byteLength(sent)) };
    const request = httpRequest({ agent, hostname, port, method, path, headers: all }, (answer) => {
      // A stream of events goes on for ever.
      if (answer.headers['content-type']?.includes('event-stream')) answer.destroy();
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end(sent);
  });
}

const RAW = `POST /api/v1/alerts/generic HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
const raw = spliced(
  `${RAW}Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  `${RAW}Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n0\r\n\r\n`,
  'GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 1-0\r\n\r\n',
);
fuzz('bytes', 'whatever is on the line, it comes to an end and lets nobody in', raw, async (given) => {
  const { hostname, port } = new URL(guarded.url);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), hostname);
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
    socket.end(given);
  });
  expect(answer).toMatch(/^(HTTP\/1\.[01] (100|4\d\d) |$)/);
});
