/** Strangers on the line, byte by byte: whatever they send, they get an answer or are let go, and others are served. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { networkOf } from '../../../src/adapters/http/limits.ts';
import { inTurn } from '../../../src/adapters/http/turns.ts';
import type { Entry } from '../../../src/incident/event.ts';
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
    const { url } = await start({}, { limits: status === 408 ? LIMITS : {} });
    const answer = await answerTo(url, ...pieces);
    expect(answer.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(says);
    expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    // A machine that stalls for as long as the short limits gets 408 once more.
    await expect.poll(async () => (await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
  });

  it('a body a byte at a time, and others are served meanwhile', async () => {
    const { url } = await start({}, { limits: LIMITS });
    const slow = await dial(url);
    const closed = closing(slow);
    slow.write(`${json}Content-Length: 1000\r\n\r\n`);
    const drip = setInterval(() => slow.write('x'), 10);
    await expect.poll(async () => (await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
    await closed;
    clearInterval(drip);
  });
});

const TOKENS = [
  { name: 'scom', role: 'sender', token: 'a-sender' },
  { name: 'wall', role: 'viewer', token: 'a-viewer' },
] as const;

const OTHER = { name: 'console', role: 'viewer', token: 'another' } as const;

const ENTRY: Entry = {
  seq: 1,
  at: 0,
  worker: 'w',
  version: 1,
  type: 'slept',
  data: { until: 0, for: 'look', says: '' },
  previous: '',
};

/** A request, and the connection stays open. */
const asked = (path: string, { method = 'GET', token = '' } = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${token && `Authorization: Bearer ${token}\r\n`}\r\n`;

/** Resolves with what has come once it fits. */
const until = (socket: Socket, fits: (text: string) => boolean) =>
  new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (fits(text)) resolve(text);
    });
  });

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

/** Something to answer with that no network takes in at once. */
const LONG = { incidents: [], next: 'x'.repeat(20_000_000) };

describe('connections', () => {
  it('the oldest without a token makes way for a new one, and one with a token stays', async () => {
    const { url, lines } = await start({}, { config: { maxConnections: 6, tokens: TOKENS } });
    const sender = await dial(url);
    const answered = until(sender, (text) => text.includes('scom'));
    sender.write(asked('/api/v1/incidents', { token: 'a-sender' }));
    expect(statuses(await answered)).toEqual([403]);
    const [first, second, third] = [await dial(url), await dial(url), await dial(url)];
    await closing(first);
    expect([sender, second, third].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    expect(lines.join()).toContain('Closed the oldest connection without a token from 127.0.0.1');
  });

  it('one token holds a quarter of them, and no more', async () => {
    const { url } = await start({}, { config: { maxConnections: 8, tokens: TOKENS } });
    const held: Socket[] = [];
    for (let n = 0; n < 4; n += 1) {
      const socket = await dial(url);
      held.push(socket);
      const answered = until(socket, (text) => text.includes('"switches":[]'));
      socket.write(asked('/api/v1/kill-switch', { token: 'a-viewer' }));
      await answered;
    }
    expect((await fetch(`${url}/healthz`, { headers: { Connection: 'close' } })).status).toBe(200);
    expect(held.map(({ closed }) => closed)).toEqual([false, false, true, false]);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
  ])('%s and %s count as one: %s', (one, other, same) => {
    expect(networkOf(one) === networkOf(other)).toBe(same);
  });
});

describe('requests one after another on a connection', () => {
  it('have their turn when the one before was answered, in order', async () => {
    let inHand = 0;
    let most = 0;
    const { url } = await start({
      killSwitches: async () => {
        inHand += 1;
        most = Math.max(most, inHand);
        await new Promise((resolve) => setImmediate(resolve));
        inHand -= 1;
        return [];
      },
    });
    const socket = await dial(url);
    const all = until(socket, (text) => statuses(text).length === 201);
    socket.write(`${asked('/api/v1/kill-switch').repeat(200)}${asked('/nothing')}`);
    expect(statuses(await all)).toEqual([...Array(200).fill(200), 404]);
    expect(most).toBe(1);
  });

  it('is answered behind one whose body comes late', async () => {
    const { url } = await start();
    const socket = await dial(url);
    const both = until(socket, (text) => statuses(text).length === 2);
    socket.write(`${line}Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`);
    socket.write(BODY + asked('/healthz'));
    expect(statuses(await both)).toEqual([202, 200]);
  });

  it.each(['/api/v1/events', '/api/v1/incidents', '/metrics', '/queues'])(
    'is answered behind HEAD %s',
    async (path) => {
      const { url } = await start();
      const socket = await dial(url);
      const both = until(socket, (text) => text.includes('"alive"'));
      socket.write(asked(path, { method: 'HEAD' }) + asked('/healthz'));
      expect(statuses(await both)).toEqual([200, 200]);
    },
  );

  it('too many that wait are let go, and others are served', async () => {
    const answers: ServerResponse[] = [];
    const said: string[] = [];
    const server = createServer(
      inTurn(
        (_, response) => answers.push(response),
        (says) => said.push(says),
        { each: 5, all: 5 },
      ),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const greedy = await dial(url);
    greedy.write(asked('/').repeat(7));
    await closing(greedy);
    const modest = await dial(url);
    const all = until(modest, (text) => statuses(text).length === 6);
    modest.write(asked('/').repeat(6));
    for (let n = 1; n < 7; n += 1) {
      await expect.poll(() => answers.length).toBe(n + 1);
      answers[n]?.end();
    }
    await all;
    expect(said).toEqual([expect.stringContaining('too many requests are waiting')]);
    server.close();
    server.closeAllConnections();
  });
});

describe('a client that does not read', () => {
  it.each(['/api/v1/incidents', '/api/v1/events'])('%s: is let go', async (path) => {
    const { url, lines } = await start(
      {
        incidents: async () => LONG,
        async *feed() {
          for (let n = 1; ; n += 1) yield { id: `${n}-0`, incident: 'x'.repeat(100_000), entry: ENTRY };
        },
      },
      { limits: { slowClientMs: 50 } },
    );
    const socket = await dial(url);
    socket.pause();
    socket.write(asked(path));
    await expect.poll(() => lines.join()).toContain('read nothing for 50 ms');
    socket.destroy();
  });

  it('one that reads a long answer gets all of it', async () => {
    const { url } = await start({ incidents: async () => LONG }, { limits: { slowClientMs: 4_000 } });
    expect(await (await fetch(`${url}/api/v1/incidents`)).json()).toEqual(LONG);
  });
});

describe('event streams', () => {
  it('of one caller are limited, and other callers have their own', async () => {
    const { url } = await start({}, { config: { maxConnections: 32, tokens: [...TOKENS, OTHER] } });
    const open = async (token: string) =>
      (await fetch(`${url}/api/v1/events`, { headers: { Authorization: `Bearer ${token}` } })).status;
    expect([await open('a-viewer'), await open('a-viewer'), await open('a-viewer')]).toEqual([200, 200, 429]);
    expect(await open('another')).toBe(200);
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
