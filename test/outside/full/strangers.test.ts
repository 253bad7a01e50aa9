/** Clients that send and do not read, or hold what they can: others are served meanwhile. How well: `bench/strangers.mjs`. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Running, Site } from '../../support/processes.ts';

const SENDER = 'a-token-of-the-senders';
const VIEWER = 'a-token-of-the-viewers';
const OPERATOR = 'a-token-of-the-operators';

let site: Site;
let daemon: Running;
const sockets: Socket[] = [];

beforeAll(async () => {
  site = await Site.open();
  daemon = await site.daemon({
    SECOND_RESPONDER_HTTP_MAX_CONNECTIONS: '64',
    SECOND_RESPONDER_HTTP_TOKENS: JSON.stringify([
      { name: 'scom', role: 'sender', token: SENDER },
      { name: 'wall', role: 'viewer', token: VIEWER },
      { name: 'jane', role: 'operator', token: OPERATOR },
    ]),
  });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => site.close());

async function dial(text: string): Promise<Socket> {
  const { hostname, port } = new URL(daemon.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** All that comes until the answer to `LAST`. */
const answers = (socket: Socket) =>
  new Promise<number[]>((resolve) => {
    const chunks: string[] = [];
    socket.on('data', (chunk) => {
      chunks.push(chunk.toString('latin1'));
      if (chunks.slice(-2).join('').includes('at /last;')) resolve(statuses(chunks.join('')));
    });
  });

const line = (path: string, { method = 'GET', token = '' } = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${token && `Authorization: Bearer ${token}\r\n`}\r\n`;

const LAST = line('/last');

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

const ask = (path: string, token = '', init: RequestInit = {}) =>
  fetch(daemon.url + path, {
    ...init,
    // A connection of its own, as a sender has that comes for the first time.
    headers: { Connection: 'close', 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
  });

const CROWDS: [what: string, connections: number, text: string][] = [
  ['1,500 × GET /metrics on each of twenty connections', 20, line('/metrics').repeat(1_500)],
  ['1,500 × GET /readyz', 1, line('/readyz').repeat(1_500)],
  ['thousands × GET /', 20, line('/').repeat(5_000)],
  ['event streams of one viewer', 60, line('/api/v1/events', { token: VIEWER })],
  ['lists of one viewer', 30, line('/api/v1/incidents?limit=500', { token: VIEWER }).repeat(50)],
  ['nothing', 100, ''],
  ['half a header', 100, 'GET /healthz HTTP/1.1\r\nX-A: '],
  ['half a body that says that it is signed', 100, signedAndUnfinished()],
];

function signedAndUnfinished(): string {
  const headers = ['Host: localhost', 'Content-Type: application/json', 'X-Signature: sha256=00', 'X-Timestamp: 1'];
  return `POST /api/v1/alerts/generic HTTP/1.1\r\n${headers.join('\r\n')}\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(50_000)}`;
}

describe('while a client sends and reads nothing', () => {
  it.each(CROWDS)('%s', async (what, connections, text) => {
    for (let n = 0; n < connections; n += 1) (await dial(text)).pause();
    for (const n of [1, 2, 3]) {
      const body = JSON.stringify({ id: `${what}-${n}`, server: 'mbx1', healthSet: 'IMAP.Protocol' });
      const [health, alert, list] = await Promise.all([
        ask('/healthz'),
        ask('/api/v1/alerts/generic', SENDER, { method: 'POST', body }),
        ask('/api/v1/undo', OPERATOR),
      ]);
      expect([health.status, alert.status, list.status]).toEqual([200, 202, 200]);
    }
  });
});

describe('requests one after another on a connection', () => {
  it('thousands that are read are all answered, in order', async () => {
    const socket = await dial(line('/healthz').repeat(3_000) + LAST);
    expect(await answers(socket)).toEqual([...Array(3_000).fill(200), 404]);
  });

  it('one is answered behind HEAD of a stream', async () => {
    const socket = await dial(line('/api/v1/events', { method: 'HEAD', token: VIEWER }) + LAST);
    expect(await answers(socket)).toEqual([200, 404]);
  });
});

describe('what anybody may ask', () => {
  it('is answered to a scraper and a probe however often they ask', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const socket = await dial(line(path).repeat(20) + LAST);
      expect(await answers(socket)).toEqual([...Array(20).fill(200), 404]);
    }
  });
});

it.each(['PUT', 'POST', 'DELETE', 'PATCH'])(
  '%s on the queue board is refused, and not answered as if it were done',
  async (method) => {
    for (const path of ['/queues/api/queues/pause', '/queues/api/queues/incidents/clean/completed', '/queues']) {
      const answer = await ask(path, OPERATOR, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  },
);
