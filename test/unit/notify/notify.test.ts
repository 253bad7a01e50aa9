import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createNotifiers } from '../../../src/adapters/notify/index.ts';
import { webhookNotifier } from '../../../src/adapters/notify/webhook.ts';

const NOTICE = {
  key: 'inc-1:7',
  kind: 'escalation',
  incident: 'inc-1',
  subject: 'mbx1 is ill',
  text: 'all of it\n異常',
} as const;
const quick = { backoff: () => 0 };

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Received {
  headers: IncomingMessage['headers'];
  body: string;
}

/** Answers with these statuses in turn (0: cuts the connection, -1: never answers), the last one for ever. */
async function receiver(...statuses: number[]): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      const status = statuses[Math.min(received.length, statuses.length) - 1] ?? 200;
      if (status === 0) request.socket.destroy();
      else if (status > 0) response.writeHead(status).end('secret words of theirs');
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/path-secret`, received };
}

describe('webhook', () => {
  it('posts the notice, keyed', async () => {
    const { url, received } = await receiver(204);
    await webhookNotifier({ url, token: 'abc' }).send(NOTICE);
    expect(received).toHaveLength(1);
    expect(JSON.parse(received[0]!.body)).toEqual(NOTICE);
    expect(received[0]!.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'inc-1:7',
      authorization: 'Bearer abc',
    });
  });

  it('shows no token where there is none', async () => {
    const { url, received } = await receiver(200);
    await webhookNotifier({ url }).send(NOTICE);
    expect(received[0]!.headers.authorization).toBeUndefined();
  });

  it.each([
    ['a fault of theirs that passes', [500, 503, 200], 3],
    ['a cut connection', [0, 200], 2],
    ['too many requests', [429, 200], 2],
    ['a time-out of theirs', [408, 200], 2],
    ['three faults', [500, 502, 504, 202], 4],
  ])('comes again after %s, under the same key', async (_name, statuses, attempts) => {
    const { url, received } = await receiver(...statuses);
    await webhookNotifier({ url, ...quick }).send(NOTICE);
    expect(received.map(({ headers }) => headers['idempotency-key'])).toEqual(Array(attempts).fill(NOTICE.key));
  });

  it.each([
    ['faults without end', [500], 4, 'answered 500'],
    ['a refusal, at once', [403], 1, 'answered 403'],
    ['an address that is gone, at once', [410], 1, 'answered 410'],
    ['a redirect, which it does not follow', [302], 4, ''],
  ])('gives up after %s', async (_name, statuses, attempts, why) => {
    const { url, received } = await receiver(...statuses);
    const failure = await webhookNotifier({ url, ...quick })
      .send(NOTICE)
      .then(
        () => 'sent',
        (error: Error) => error.message,
      );
    expect(failure).toContain(`webhook ${new URL(url).host}: ${why}`);
    expect(failure).not.toContain('secret');
    expect(received).toHaveLength(attempts);
  });

  it('does not wait for ever', async () => {
    const { url } = await receiver(-1);
    await expect(webhookNotifier({ url, timeLimit: 20, retries: 0 }).send(NOTICE)).rejects.toThrow(
      'did not answer within 20 ms',
    );
  });

  it('says when nobody listens', async () => {
    const { url } = await receiver();
    servers[0]!.close();
    await expect(webhookNotifier({ url, ...quick }).send(NOTICE)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('log', () => {
  it('escalations are warnings, with the whole text', async () => {
    const lines: [string, string, unknown][] = [];
    const logger = {
      warn: (message: string, details: unknown) => lines.push(['warn', message, details]),
      info: (message: string, details: unknown) => lines.push(['info', message, details]),
    };
    const [notifier] = createNotifiers([{ channel: 'log' }], logger);
    await notifier!.send(NOTICE);
    await notifier!.send({ ...NOTICE, kind: 'notice' });
    expect(lines).toEqual([
      ['warn', `escalation: ${NOTICE.subject}\n${NOTICE.text}`, { incident: 'inc-1', key: NOTICE.key }],
      ['info', `notice: ${NOTICE.subject}\n${NOTICE.text}`, { incident: 'inc-1', key: NOTICE.key }],
    ]);
  });

  it('each entry of the configuration is a notifier', () => {
    const logger = { warn: () => {}, info: () => {} };
    const made = createNotifiers([{ channel: 'log' }, { channel: 'webhook', url: 'http://127.0.0.1:1/' }], logger);
    expect(made.map((notifier) => notifier.channel)).toEqual(['log', 'webhook']);
  });
});
