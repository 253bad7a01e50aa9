/** Strangers on the line, byte by byte: whatever they send, they get an answer or are let go, and others are served. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { GOOD, post, start, stopAll } from './fake.ts';

const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stopAll();
});

const LIMITS = { headersMs: 150, requestMs: 300 };

async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const closing = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));

/** Everything that is answered until the connection ends. */
async function answerTo(url: string, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = await dial(url);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  const closed = closing(socket);
  for (const piece of pieces) socket.write(piece);
  await closed;
  return answer;
}

const line = 'POST /api/v1/alerts/generic HTTP/1.1\r\nHost: localhost\r\n';
const json = `${line}Content-Type: application/json\r\nConnection: close\r\n`;
const sent = (body: string | Buffer, headers = '') =>
  [`${json}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`, body] as const;
const BODY = JSON.stringify(GOOD);
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const CHUNKED = `${json}Transfer-Encoding: chunked\r\n\r\n`;

const ROWS: [name: string, pieces: readonly (string | Buffer)[], status: number, says: string][] = [
  ['nothing', [], 408, 'too-slow'],
  ['half a request line', ['POST /api'], 408, 'too-slow'],
  ['headers that never end', [`${line}X-A: `], 408, 'too-slow'],
  ['a body that never comes', [`${json}Content-Length: 10\r\n\r\n`], 408, 'too-slow'],
  ['a chunk that never ends', [`${CHUNKED}10\r\n{"id"`], 408, 'too-slow'],
  ['one endless header', [`${line}X-A: ${'a'.repeat(20_000)}\r\n\r\n`], 431, 'headers-too-large'],
  ['countless headers', [`${line}${'X-A: aaaa\r\n'.repeat(3_000)}\r\n`], 431, 'headers-too-large'],
  ['an endless address', [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`], 431, 'headers-too-large'],
  ['no HTTP', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'], 400, 'invalid-request'],
  ['another protocol', ['*1\r\n$4\r\nPING\r\n'], 400, 'invalid-request'],
  ['a header with a line break in its name', [`${line}X-A\r\n: b\r\n\r\n`], 400, 'invalid-request'],
  ['a length and chunks', [`${json}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`], 400, 'invalid'],
  ['two lengths', [`${json}Content-Length: 4\r\nContent-Length: 5\r\n\r\n`], 400, 'invalid-request'],
  ['a length that is none', [`${json}Content-Length: -1\r\n\r\n`], 400, 'invalid-request'],
  ['a chunk of a size that is none', [`${CHUNKED}zz\r\n{}\r\n0\r\n\r\n`], 400, 'invalid-request'],
  ['a chunk longer than it says', [`${CHUNKED}2\r\n{"id":1}\r\n0\r\n\r\n`], 400, 'invalid-request'],
  [
    'a body longer than it says',
    sent(`${BODY}`, '').map((piece, n) => (n ? `${piece}GARBAGE` : piece)),
    400,
    'invalid-request',
  ],
  ['a good body in chunks', [`${CHUNKED}${chunk(BODY.slice(0, 9))}${chunk(BODY.slice(9))}0\r\n\r\n`], 202, 'accepted'],
  ['a body that says it is too large', [`${json}Content-Length: 999999999\r\n\r\n{}`], 413, 'too-large'],
  ['too much in chunks', [CHUNKED, ...Array(40).fill(chunk('x'.repeat(4_000))), '0\r\n\r\n'], 413, 'too-large'],
  ['chunks without end', [CHUNKED, ...Array(40).fill(chunk('x'.repeat(4_000)))], 413, 'too-large'],
  ['a megabyte', sent('x'.repeat(1_100_000)), 413, 'too-large'],
  ['a hundred thousand levels', sent('['.repeat(60_000)), 400, 'nested more than 32 deep'],
  ['a byte order mark', sent(`\ufeff${BODY}`), 202, 'accepted'],
  ['what is not UTF-8', sent(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 400, 'is not UTF-8'],
  [
    'keys of the prototype',
    sent(`{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${BODY.slice(1)}`),
    202,
    'accepted',
  ],
  ['nothing but a prototype', sent(`{"__proto__":${BODY}}`), 400, 'is missing'],
];

describe('a stranger sends', () => {
  it.each(ROWS)('%s', async (_, pieces, status, says) => {
    const { url } = await start({}, { limits: LIMITS });
    const answer = await answerTo(url, ...pieces);
    expect(answer.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(says);
    expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
  });

  it('a body a byte at a time, and others are served meanwhile', async () => {
    const { url } = await start({}, { limits: LIMITS });
    const slow = await dial(url);
    const closed = closing(slow);
    slow.write(`${json}Content-Length: 1000\r\n\r\n`);
    const drip = setInterval(() => slow.write('x'), 10);
    expect((await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
    await closed;
    clearInterval(drip);
  });
});

describe('connections', () => {
  it('one address holds half of them, and no more', async () => {
    const { url } = await start({}, { config: { maxConnections: 6 } });
    const held = [await dial(url), await dial(url), await dial(url)];
    const refused = await dial(url);
    await closing(refused);
    expect(held.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    const gone = closing(held[0] as Socket);
    held[0]?.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    held[0]?.resume();
    await gone;
    expect((await fetch(`${url}/healthz`, { headers: { Connection: 'close' } })).status).toBe(200);
  });
});

describe('what anybody may ask', () => {
  it('is worked out once for all who ask at the same time', async () => {
    const finish: (() => void)[] = [];
    let over = false;
    const work = () => (over ? Promise.resolve() : new Promise<void>((resolve) => finish.push(resolve)));
    const { url, metrics } = await start({
      readiness: () => work().then(() => ({ ready: true, parts: [] })),
    });
    metrics.onScrape(work);
    for (const path of ['/readyz', '/metrics']) {
      finish.splice(0);
      over = false;
      let arrived = 0;
      const answers = Array.from({ length: 20 }, async () => {
        const socket = await dial(url);
        arrived += 1;
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
        socket.resume();
        return closing(socket);
      });
      await expect.poll(() => arrived).toBe(20);
      // Whoever asks later than these is answered later than these.
      await fetch(`${url}/healthz`);
      expect(finish).toHaveLength(1);
      // One that the machine has kept back all the same has its own answer.
      over = true;
      for (const each of finish) each();
      await Promise.all(answers);
    }
  });
});

describe('every answer', () => {
  const tokens = [{ name: 'ada', role: 'admin', token: 'admin-token' }] as const;
  it.each([
    ['/', 200],
    ['/healthz', 200],
    ['/readyz', 200],
    ['/metrics', 200],
    ['/api/v1/incidents', 200],
    ['/api/v1/openapi.json', 200],
    ['/queues', 200],
    ['/nothing', 404],
    ['/%zz', 404],
  ])('%s says how it may be used', async (path, status) => {
    const { url } = await start({}, { config: { tokens } });
    const { headers, status: answered } = await fetch(url + path, {
      headers: { Authorization: 'Bearer admin-token' },
    });
    expect(answered).toBe(status);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringMatching(/default-src '(none|self)'.*frame-ancestors 'none'/),
    });
    for (const told of ['x-powered-by', 'server', 'etag', 'strict-transport-security']) {
      expect(headers.has(told)).toBe(false);
    }
  });
});
