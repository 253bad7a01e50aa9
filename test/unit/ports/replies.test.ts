/** A far side that was taken over may answer anything: what has not the form of an answer is `badReply`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { labHttpExchange } from '../../../src/adapters/lab/http.ts';
import type { Exchange } from '../../../src/ports/exchange.ts';
import { readReply } from '../../../src/ports/replies.ts';
import { NINE, row, service } from '../../support/stub.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function answering(write: (say: (text: string) => boolean, end: (text?: string) => void) => void) {
  const server = createServer((_request, response) => {
    response.on('error', () => {});
    write(
      (text) => response.write(text),
      (text) => response.end(text),
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return labHttpExchange({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const healthy = row('IMAP', 'ImapCTPMonitor');
const run = { resultType: 'Succeeded', error: '', exception: '', startedAt: NINE, endedAt: NINE };

describe('is no reply', () => {
  const rows: [says: string, verb: keyof Exchange, value: unknown][] = [
    ['nothing', 'serverHealth', undefined],
    ['null for a probe', 'invokeProbe', null],
    ['text for rows', 'serverHealth', 'Healthy'],
    ['a row without its value', 'serverHealth', [{ ...healthy, alertValue: undefined }]],
    ['a value that Exchange does not have', 'serverHealth', [{ ...healthy, alertValue: 'Fine' }]],
    ['a probe with an unknown result', 'invokeProbe', { ...run, resultType: ['Succeeded'] }],
    ['an instant beyond all dates', 'bootTime', { bootedAt: 1e300, uptimeSeconds: 1 }],
    ['a service of another kind', 'service', service('a', { status: 'Melting' as never })],
    ['a list for one', 'service', [service('a')]],
    ['an unknown effect', 'restartServer', { effect: 'maybe' }],
    ['a name as long as a book', 'organisation', { id: 'x'.repeat(5_000), servers: [] }],
    ['keys of the prototype', 'mailboxServer', JSON.parse('{"__proto__":{"server":"a"}}')],
  ];
  it.each(rows)('%s', (_, verb, value) => {
    expect(() => readReply(verb, { value, warnings: [] })).toThrow(expect.objectContaining({ code: 'badReply' }));
  });

  it.each([[undefined], [[1]], ['none']])('warnings that are %j', (warnings) => {
    const reply = { value: [healthy], warnings };
    expect(() => readReply('serverHealth', reply)).toThrow(expect.objectContaining({ code: 'badReply' }));
  });
});

it('the output of a probe is cut, and unrequested fields are left out', () => {
  const { value } = readReply('invokeProbe', { value: { ...run, error: 'x'.repeat(1e6), more: 1 }, warnings: [] });
  expect(value).toEqual({ ...run, error: 'x'.repeat(16_000) });
});

it('an endless reply is dropped', async () => {
  const remote = await answering((say) => {
    const more = () => {
      while (say('x'.repeat(1e6)));
      setImmediate(more);
    };
    more();
  });
  await expect(remote.exchange.serverHealth('mbx1')).rejects.toMatchObject({
    code: 'badReply',
    message: expect.stringContaining('more than'),
  });
});

it.each([{ now: 1e300 }, { now: '9' }, { speed: 0 }, { speed: -1 }, { speed: 1e99 }, { epoch: 1 }])(
  'a time such as %j does not move a clock',
  async (wrong) => {
    const time = { now: NINE, speed: 1, epoch: 'e', virtual: true };
    const remote = await answering((_, end) => end(JSON.stringify({ ...time, ...wrong })));
    const before = remote.clock.now();
    await expect(remote.ready()).rejects.toMatchObject({ code: 'badReply' });
    expect(remote.clock.now() - before).toBeLessThan(60_000);
  },
);
