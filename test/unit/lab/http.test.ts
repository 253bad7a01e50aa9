import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labHttpExchange } from '../../../src/adapters/lab/http.ts';
import { type ServedLab, serveLab } from '../../../src/adapters/lab/serve.ts';

let served: ServedLab;
beforeAll(async () => {
  served = await serveLab({ port: 0, speed: 60_000 });
});
afterAll(() => served.close());

const send = async (method: string, path: string, body?: string, type = 'application/json') => {
  const response = await fetch(`${served.url}${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  return { status: response.status, type: response.headers.get('content-type'), body: (await response.json()) as any };
};
const post = (path: string, body: unknown) => send('POST', path, JSON.stringify(body));

describe('/lab/v1', () => {
  test('a fault is posted, seen and mended', async () => {
    const posted = await post('/lab/v1/faults', { fault: 'imap-backend-hang', server: 'MBX1.contoso.com' });
    expect(posted).toMatchObject({
      status: 201,
      body: { fault: 'imap-backend-hang', server: 'mbx1', state: 'present' },
    });
    const path = `/lab/v1/faults/${posted.body.id}`;
    expect((await send('GET', path)).body.shows).toEqual([
      { server: 'mbx1', monitor: 'IMAP.Protocol\\ImapDeepTestMonitor\\MSExchangeImap4BE' },
      { server: 'mbx1', monitor: 'IMAP.Protocol\\ImapSelfTestMonitor\\MSExchangeImap4BE' },
    ]);
    expect((await send('GET', '/lab/v1/faults')).body).toHaveLength(1);
    expect((await send('DELETE', path)).status).toBe(200);
    expect((await send('GET', path)).status).toBe(404);
    expect((await send('DELETE', path)).status).toBe(404);
  });

  test('the organisation shows servers, groups, databases, services, settings and boot times', async () => {
    const { body } = await send('GET', '/lab/v1/organisation');
    expect(body.servers.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['cas1', 'cas2', 'mbx1', 'mbx2', 'mbx3', 'mbx9', 'ex1', 'ex2']),
    );
    const mbx1 = body.servers.find(({ name }: { name: string }) => name === 'mbx1');
    expect(mbx1).toMatchObject({ dag: 'dag1', state: 'up', settings: { activationBlocked: false } });
    expect(Date.parse(mbx1.bootedAt)).toBeLessThan(Date.parse(body.now));
    expect(body.databases[0].copies[0]).toMatchObject({ server: 'mbx1', status: 'Mounted' });
  });

  test('commands carry real names, the caller and the effect; since takes a number or a time', async () => {
    await post('/lab/v1/reset', {});
    const remote = labHttpExchange({ url: served.url, caller: 'doctor' });
    await remote.ready();
    const { startedAt } = (await remote.exchange.service('mbx1', 'MSExchangeIMAP4BE')).value;
    const change = { notAfter: remote.clock.now() + 360_000_000, caller: 'i1 step 1', scope: [] };
    await remote.exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt: startedAt! }, change);
    await remote.exchange.setProtocolLog('cas1', 'pop', true, { enabled: false }, change);
    const { body } = await send('GET', '/lab/v1/commands');
    expect(body).toEqual([
      expect.objectContaining({ server: 'mbx1', command: 'Get-Service', caller: 'doctor', effect: 'none' }),
      {
        seq: body[0].seq + 1,
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        server: 'mbx1',
        command: 'Restart-Service',
        arguments: { Name: 'MSExchangeIMAP4BE' },
        caller: 'i1 step 1',
        effect: 'changed',
      },
      expect.objectContaining({
        command: 'Set-PopSettings',
        arguments: { Server: 'cas1', ProtocolLogEnabled: true },
      }),
    ]);
    expect((await send('GET', `/lab/v1/commands?since=${body[1].seq}`)).body).toEqual([body[2]]);
    expect((await send('GET', `/lab/v1/commands?since=${body[2].at}`)).body).toEqual([body[2]]);
    remote.close();
  });

  test.each<[string, string, string | undefined, number]>([
    ['POST', '/lab/v1/faults', '{"fault":', 400],
    ['POST', '/lab/v1/faults', 'null', 400],
    ['POST', '/lab/v1/faults', '42', 400],
    ['POST', '/lab/v1/faults', undefined, 400],
    ['POST', '/lab/v1/faults', '{"fault":{"toString":1}}', 400],
    ['POST', '/lab/v1/faults', '{"__proto__":{"fault":"transient"}}', 400],
    ['POST', '/lab/v1/faults', JSON.stringify({ fault: 'x'.repeat(100_000) }), 400],
    ['POST', '/lab/v1/faults', JSON.stringify('x'.repeat(300_000)), 413],
    ['POST', '/lab/v1/faults', '['.repeat(50_000), 400],
    ['POST', '/lab/v1/call', '{"verb":"constructor"}', 400],
    ['POST', '/lab/v1/call', '{"verb":"restartServer","arguments":{"server":"mbx1"}}', 400],
    ['POST', '/lab/v1/call', '{"verb":"serverHealth","arguments":[]}', 400],
    ['POST', '/lab/v1/clock/advance', '{"by":"1h"}', 409],
    ['GET', '/lab/v1/commands?since=yesterday', undefined, 400],
    ['GET', '/lab/v1/commands?since=1&since=2', undefined, 400],
    ['GET', '/lab/v1/faults/%00..%2f', undefined, 404],
    ['GET', '/lab/v1/faults/%zz', undefined, 400],
    ['DELETE', '/lab/v1/faults/__proto__', undefined, 404],
    ['GET', '/lab/v1/nothing', undefined, 404],
  ])('%s %s %.40s is answered with %4$s and problems, and the lab lives on', async (method, path, body, status) => {
    const answer = await send(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.body.problems.length).toBeGreaterThan(0);
    expect((await send('GET', '/lab/v1/clock')).status).toBe(200);
  });
});

describe('the client', () => {
  test('its clock runs at the speed of the lab, close to it and never back', async () => {
    const remote = labHttpExchange({ url: served.url });
    await remote.ready();
    expect(remote.clock).toMatchObject({ speed: 60_000, epoch: served.lab.id });
    let last = remote.clock.now();
    for (let round = 0; round < 20; round++) {
      const before = served.lab.clock.now();
      await remote.ready();
      const now = remote.clock.now();
      expect(now).toBeGreaterThanOrEqual(last);
      // Both run on; the client is late by no more than the answer was under way.
      expect(now).toBeGreaterThanOrEqual(before);
      last = now;
    }
    await post('/lab/v1/reset', {});
    await remote.exchange.organisation();
    expect(remote.clock.epoch).toBe(served.lab.id);
    remote.close();
  });

  test('a lab that is not there is unreachable', async () => {
    const gone = await serveLab({ port: 0, speed: 1 });
    await gone.close();
    const remote = labHttpExchange({ url: gone.url });
    await expect(remote.ready()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(remote.exchange.organisation()).rejects.toMatchObject({ code: 'unreachable' });
    remote.close();
  });

  describe('with a server that misbehaves', () => {
    let server: Server;
    let url: string;
    let answer: string | undefined;
    beforeAll(async () => {
      server = createServer((_, response) => {
        if (answer !== undefined) response.end(answer);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    test.each(['', 'hello', '[]', '{}', '{"now":1,"speed":1,"epoch":"x","virtual":false}'])(
      '%j is a badReply',
      async (text) => {
        answer = text;
        const remote = labHttpExchange({ url });
        await expect(remote.exchange.serverHealth('mbx1')).rejects.toMatchObject({ code: 'badReply' });
      },
    );

    test('no answer within the time limit is timedOut, an abort is its reason, closing is unreachable', async () => {
      answer = undefined;
      const remote = labHttpExchange({ url });
      await expect(remote.exchange.serverHealth('mbx1', { timeLimit: 20 })).rejects.toMatchObject({ code: 'timedOut' });
      const stopping = new AbortController();
      const running = remote.exchange.serverHealth('mbx1', { signal: stopping.signal, timeLimit: 60_000 });
      const reason = new Error('stop');
      stopping.abort(reason);
      await expect(running).rejects.toBe(reason);
      const last = remote.exchange.serverHealth('mbx1');
      remote.close();
      await expect(last).rejects.toMatchObject({ code: 'unreachable' });
    });
  });

  test('an address that is none is refused', () => {
    expect(() => labHttpExchange({ url: 'ftp://lab' })).toThrow(/http/);
    expect(() => labHttpExchange({ url: 'mbx1:80:90' })).toThrow();
  });
});

test('a port that is taken is an error, and nothing stays open', async () => {
  const port = Number(new URL(served.url).port);
  await expect(serveLab({ port, speed: 1 })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
