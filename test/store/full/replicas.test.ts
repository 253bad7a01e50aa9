/** What waits for replicas, what does not, and what is said when there are too few. */
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, redisTarget } from '../../../src/adapters/redis/connect.ts';
import { Copies } from '../../../src/adapters/redis/copies.ts';
import { Scripts } from '../../../src/adapters/redis/scripts/script.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/redis/store.ts';
import { type Head, NotCopied } from '../../../src/ports/journal.ts';
import { anAlert } from '../../contracts/store.ts';
import { type RedisServer, Site } from '../../support/processes.ts';

const MINUTE = 60_000;
const KILL = { scope: {}, by: 'yuki', reason: '', since: 1 };

let site: Site;
let replica: RedisServer;
let master: RedisServer;
let store: RedisStore;
beforeAll(async () => {
  site = await Site.open();
  master = await site.redis();
  replica = await site.replica(master.port);
  store = await createRedisStore({ target: redisTarget(master.address), waitReplicas: 1 });
});
afterAll(async () => {
  await store?.close();
  await site?.close();
});

let head: Head;
let serial = 0;
const id = () => `i${serial}`;
beforeEach(async () => {
  serial += 1;
  const opening = { key: id(), server: 'mbx1', family: 'IMAP' };
  const event = { type: 'opened' as const, data: { id: id(), server: 'mbx1', family: 'IMAP' } };
  const opened = await store.append(id(), { seq: 0, hash: '' }, event, { at: 1, worker: 'w', opening });
  if (!opened.ok) throw new Error('the incident was not opened');
  head = opened.head;
});

const cancel = () =>
  store.append(id(), head, { type: 'cancelled', data: { by: 'yuki' } }, { at: 2, worker: 'w', sure: true });

/** What somebody is told of, or relies on: none of it may be forgotten. */
const SURE: [string, () => Promise<unknown>][] = [
  ['an alert', () => store.accept([anAlert(`a${serial}`)], MINUTE)],
  ['a command', () => store.confirm(id(), head)],
  ['the kill switch', () => store.setKillSwitch({ ...KILL, on: true })],
  ['the kill switch being lifted', () => store.setKillSwitch({ ...KILL, on: false })],
  ['the word of a person', cancel],
  ['trust in a playbook', () => store.trust('lab', 'imap-ctp', { by: 'yuki', at: 1 })],
];

it.each(SURE)('%s goes ahead when the replica has it', async (_, ask) => {
  await ask();
});

describe('while the replica stands still', () => {
  beforeAll(() => {
    process.kill(replica.pid, 'SIGSTOP');
    return () => {
      process.kill(replica.pid, 'SIGCONT');
    };
  });

  it.each(SURE)('%s does not', async (_, ask) => {
    await expect(ask()).rejects.toThrow(NotCopied);
  });

  it('nothing else waits, nor does it wait for those who do', async () => {
    const waits = store.accept([anAlert('b')], MINUTE);
    let over = false;
    waits.catch(() => {
      over = true;
    });
    const lease = await store.lease(id(), 'w', MINUTE);
    expect(await store.renew(id(), lease?.token ?? '', MINUTE)).toBe(true);
    await store.killSwitches();
    const event = { type: 'slept' as const, data: { until: 9, for: 'look', says: 'waits' } };
    await store.append(id(), head, event, { at: 2, worker: 'w' });
    expect(over).toBe(false);
    await expect(waits).rejects.toThrow('0 of 1 replicas of Redis have the write');
  });

  it('many wait together, and not one behind the other', async () => {
    const client = redisTarget(master.address).connect('commands');
    await once(client, 'ready');
    const waits = async () => Number(/cmdstat_wait:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
    const before = await waits();
    const asked = Array.from({ length: 50 }, (_, n) => store.accept([anAlert(`c${n}`)], MINUTE));
    const settled = await Promise.allSettled(asked);
    const reasons = settled.map((one) => one.status === 'rejected' && one.reason instanceof NotCopied);
    expect(reasons).toEqual(asked.map(() => true));
    expect((await waits()) - before).toBe(1);
    client.disconnect();
  });
});

it('goes on when the replica does', async () => {
  expect(await store.accept([anAlert('d')], MINUTE)).toEqual([{ id: 'd', repeat: false }]);
  expect((await store.health()).warnings).toEqual([]);
});

it('does not take another connection’s word for what was written on one that was lost', async () => {
  const client: Client = redisTarget(master.address).connect('commands');
  await once(client, 'ready');
  const copies = new Copies(client, 1, new Scripts(client, '{sr}:'));
  const lostMeanwhile = copies.surely(async () => {
    await client.set('{sr}:x', '');
    client.disconnect(true);
    await once(client, 'ready');
  });
  await expect(lostMeanwhile).rejects.toThrow('the connection to Redis was lost');
  await copies.surely(() => client.set('{sr}:x', ''));
  client.disconnect();
});

it('says that it must be told to wait where there are replicas', async () => {
  const careless = await createRedisStore({ target: redisTarget(master.address) });
  expect((await careless.health()).warnings.join()).toMatch(/Set `store.wait-replicas`/);
  await careless.close();
});

it('says that replicas are missing', async () => {
  await replica.kill('SIGKILL');
  await expect
    .poll(async () => (await store.health()).warnings.join())
    .toMatch(/0 of the 1 replicas that store.wait-replicas requires/);
});
