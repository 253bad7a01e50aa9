/** What the Redis side does when things go wrong around it, and what it tidies up by itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBullWakeups } from '../../src/adapters/bullmq/wakeups.ts';
import { type Client, redisTarget } from '../../src/adapters/redis/connect.ts';
import { createRedisStore, type RedisStore, type RedisStoreOptions } from '../../src/adapters/redis/store.ts';
import { verifyChain } from '../../src/incident/chain.ts';
import type { IncidentEvent } from '../../src/incident/event.ts';
import type { AppendOptions, Head } from '../../src/ports/journal.ts';
import { anAlert } from '../contracts/store.ts';
import { journalOf } from '../support/journal.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
let closing: (() => Promise<unknown>)[];
beforeEach(async () => {
  server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction');
  closing = [() => server.stop()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function aStore(options: Partial<RedisStoreOptions> = {}): Promise<RedisStore> {
  const store = await createRedisStore({ target: server.target, ...options });
  closing.push(() => store.close());
  return store;
}

async function aClient(): Promise<Client> {
  const client = server.target.connect('blocking');
  closing.push(async () => client.disconnect());
  return client;
}

async function write(
  store: RedisStore,
  id: string,
  head: Head,
  event: IncidentEvent,
  options: Partial<AppendOptions> = {},
) {
  const result = await store.append(id, head, event, { at: 1, worker: 'w', ...options });
  if (!result.ok) throw new Error(JSON.stringify(result));
  return result.head;
}
const open = (store: RedisStore, id: string) =>
  write(
    store,
    id,
    { seq: 0, hash: '' },
    { type: 'opened', data: { id, server: 'mbx1', family: 'IMAP' } },
    { opening: { key: id, server: 'mbx1', family: 'IMAP' } },
  );
const finish = (store: RedisStore, id: string, head: Head, options: Partial<AppendOptions> = {}) =>
  write(
    store,
    id,
    head,
    { type: 'finished', data: { outcome: 'recovered', reason: '', left: [], owed: [] } },
    { finishing: { key: id, root: id, keepSlots: [], isRoot: true, outcome: 'recovered' }, ...options },
  );
const slept: IncidentEvent = { type: 'slept', data: { until: 9, for: 'look', says: 'waits' } };

describe('Redis away', () => {
  it('fails calls instead of keeping them, says so, and goes on by itself when it is back', async () => {
    const told: string[] = [];
    const store = await aStore({ onTrouble: (says) => told.push(says) });
    await store.accept([anAlert('a')], 60_000);
    await server.kill();
    await expect.poll(async () => (await store.health()).up).toBe(false);
    await expect(store.accept([anAlert('b')], 60_000)).rejects.toThrow();
    await expect(store.killSwitches()).rejects.toThrow();
    expect((await store.health()).says).toMatch(/does not answer/);
    await expect.poll(() => told.join()).toMatch(/Redis at/);
    await server.restart();
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    expect(await store.pendingAlerts(Date.now(), 10)).toEqual(['a']);
    expect(await store.accept([anAlert('b')], 60_000)).toEqual([{ id: 'b', repeat: false }]);
  });

  it('fails calls of one that is frozen', async () => {
    const store = await aStore();
    server.signal('SIGSTOP');
    await expect(store.openIncidents()).rejects.toThrow(/timed out/);
    expect((await store.health()).up).toBe(false);
    server.signal('SIGCONT');
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
  });

  it('is not up while it is still loading its data', async () => {
    // Slow enough to be seen at it.
    const slow = ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024'];
    const large = await startRedis('--appendonly', 'yes', ...slow);
    closing.push(() => large.stop());
    const store = await aStore({ target: large.target });
    const alerts = Array.from({ length: 300 }, (_, n) => anAlert(`a${n}`));
    await store.accept(alerts, 60_000);
    const client = large.target.connect('blocking');
    closing.push(async () => client.disconnect());
    await client.bgrewriteaof();
    await expect.poll(() => client.info('persistence')).toMatch(/aof_rewrite_in_progress:0[\s\S]*aof_base_size:[1-9]/);
    await large.kill();
    const back = large.restart();
    await expect
      .poll(() => store.health(), { timeout: 30_000 })
      .toMatchObject({
        up: false,
        says: expect.stringContaining('still loading its data'),
      });
    await back;
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    expect(await store.pendingAlerts(Date.now(), 1_000)).toHaveLength(300);
  });

  it('goes on with a feed after the entry that was read last', async () => {
    const store = await aStore();
    const items = store.feed('', new AbortController().signal)[Symbol.asyncIterator]();
    const head = await open(store, 'i1');
    expect((await items.next()).value).toMatchObject({ entry: { seq: 1 } });
    const next = items.next();
    await server.kill();
    await server.restart();
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    await write(store, 'i1', head, slept);
    expect((await next).value).toMatchObject({ entry: { seq: 2 } });
  });

  it('says at the start where it did not find one', async () => {
    const target = redisTarget('redis+unix:///nowhere/redis.sock');
    await expect(createRedisStore({ target })).rejects.toThrow(
      /Redis at \/nowhere\/redis.sock can't be reached: .*ENOENT/,
    );
  });

  it('closes while Redis is away', async () => {
    const store = await createRedisStore({ target: server.target });
    await server.kill();
    await store.close();
  });

  it('lets nobody wait for a nudge', async () => {
    const told: string[] = [];
    const connect = (purpose: 'commands' | 'blocking') => server.target.connect(purpose);
    const wakeups = createBullWakeups({ connect, onTrouble: (says) => told.push(says) });
    closing.push(() => wakeups.close(100));
    await wakeups.incident('i');
    await server.kill();
    await wakeups.incident('i');
    await wakeups.alerts(['a']);
    expect(told.join()).toMatch(/the sweep will find it/);
  });
});

describe('durability', () => {
  it('keeps every alert that it answered for, through a crash', async () => {
    const store = await aStore();
    const ids = Array.from({ length: 200 }, (_, n) => `a${n}`);
    await Promise.all(ids.map((id) => store.accept([anAlert(id)], 60_000)));
    await server.kill();
    await server.restart();
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    expect((await store.pendingAlerts(Date.now(), 1_000)).sort()).toEqual(ids.sort());
  });

  it('warns of a Redis that loses what it acknowledged', async () => {
    const client = await aClient();
    const store = await aStore();
    expect((await store.health()).warnings).toEqual([]);
    await client.config('SET', 'appendfsync', 'everysec');
    expect((await store.health()).warnings.join()).toMatch(/once per second/);
    await client.config('SET', 'appendonly', 'no');
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await store.health()).warnings.join()).toMatch(/snapshots only.*allkeys-lru/);
  });

  it('accepts nothing without the replicas that were asked for', async () => {
    const store = await aStore({ waitReplicas: 1 });
    await expect(store.accept([anAlert('a')], 60_000)).rejects.toThrow(/0 of 1 replicas/);
  });

  it('gives the job of a worker that died to another', async () => {
    const clients: Client[] = [];
    const connect = (purpose: 'commands' | 'blocking') => {
      const client = server.target.connect(purpose);
      clients.push(client);
      return client;
    };
    const dying = createBullWakeups({ connect });
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const never = () => {
      begun();
      return new Promise<void>(() => {});
    };
    await dying.work({ alert: never, incident: never }, { alerts: 1, incidents: 1 });
    await dying.incident('i');
    await hasBegun;
    for (const client of clients) client.disconnect();
    const heir = createBullWakeups({ connect: (purpose) => server.target.connect(purpose) });
    closing.push(() => heir.close(100));
    const heard: string[] = [];
    const hear = async (id: string) => {
      heard.push(id);
    };
    await heir.work({ alert: hear, incident: hear }, { alerts: 1, incidents: 1 });
    await expect.poll(() => heard, { timeout: 30_000 }).toEqual(['i']);
    await dying.close(10);
  });
});

describe('tidying', () => {
  const streams = async () => (await (await aClient()).keys('{sr}:journal:*')).sort();

  it('packs the journal of a finished incident, and it reads as before', async () => {
    const store = await aStore();
    let head = await open(store, 'i1');
    for (let n = 0; n < 12; n += 1) head = await write(store, 'i1', head, slept);
    const before = await journalOf(store, 'i1');
    await finish(store, 'i1', head);
    await expect.poll(streams).toEqual([]);
    const after = await journalOf(store, 'i1');
    expect(after?.entries.slice(0, -1)).toEqual(before?.entries);
    expect(verifyChain(after!.entries, after!.head)).toEqual({ ok: true, entries: 14 });
  });

  it('leaves a journal that is too long to be one value as it is, once and for all', async () => {
    const store = await aStore();
    let head = await open(store, 'i1');
    const long: IncidentEvent = { type: 'slept', data: { until: 9, for: 'look', says: 'x'.repeat(900_000) } };
    for (let n = 0; n < 6; n += 1) head = await write(store, 'i1', head, long);
    await finish(store, 'i1', head);
    await store.tidy();
    expect(await (await aClient()).smembers('{sr}:unpacked')).toEqual([]);
    expect(await streams()).toEqual(['{sr}:journal:i1']);
    const after = await journalOf(store, 'i1');
    expect(verifyChain(after!.entries, after!.head)).toEqual({ ok: true, entries: 8 });
  });

  it('packs what was left unpacked, with what had been packed before', async () => {
    const store = await aStore();
    const head = await finish(store, 'i1', await open(store, 'i1'));
    await expect.poll(streams).toEqual([]);
    await write(store, 'i1', head, slept);
    expect(await streams()).toEqual(['{sr}:journal:i1']);
    await store.tidy();
    expect(await streams()).toEqual([]);
    expect((await journalOf(store, 'i1'))?.entries.map(({ type }) => type)).toEqual(['opened', 'finished', 'slept']);
  });

  it('forgets the oldest finished beyond their number, never what is open or owes', async () => {
    const store = await aStore({ finishedCount: 1 });
    await open(store, 'open');
    const debt = { id: '1', kind: 'k', server: 'mbx1', setting: 's', when: 'always' as const, value: {}, says: '' };
    const outstanding = [{ debt, incident: 'owing', organisation: 'lab' }];
    await finish(store, 'owing', await open(store, 'owing'), { outstanding });
    for (const id of ['first', 'second', 'third']) await finish(store, id, await open(store, id));
    await store.tidy();
    expect((await store.list({ limit: 10 })).ids.sort()).toEqual(['open', 'owing', 'third']);
    expect(await journalOf(store, 'first')).toBeUndefined();
    expect(await journalOf(store, 'third')).toBeDefined();
  });

  it('forgets the finished when their time is over', async () => {
    const store = await aStore({ finishedRetentionMs: -1_000 });
    await open(store, 'open');
    await finish(store, 'done', await open(store, 'done'));
    await store.tidy();
    expect((await store.list({ limit: 10 })).ids).toEqual(['open']);
  });
});

it('keeps troubles for a day and throttles as long as they count, and no longer', async () => {
  const store = await aStore();
  const trouble = { organisation: 'lab-1', server: 'mbx1', seen: ['sick'], gone: [] };
  const throttle = { key: 'restart', minutesBetween: 2 * 1_440, perHour: -1, perDay: -1, group: false, now: 1 };
  const start = { owner: 'i1', organisation: 'lab-1', kill: [], claims: [], throttles: [throttle] };
  await write(store, 'i1', await open(store, 'i1'), slept, { trouble, start });
  const client = await aClient();
  const kept = async (key: string) => Math.ceil((await client.pttl(key)) / 3_600_000);
  expect(await kept('{sr}:trouble:["lab-1","sick"]')).toBe(24);
  expect(await kept('{sr}:starts:["lab-1","restart"]')).toBe(48);
});

it('keeps all keys under one hash tag', async () => {
  const store = await aStore({ prefix: 'p-1' });
  await store.accept([anAlert('a')], 60_000);
  await finish(store, 'i1', await open(store, 'i1'));
  const keys = await (await aClient()).keys('*');
  expect(keys.length).toBeGreaterThan(5);
  expect(keys.filter((key) => !key.startsWith('{p-1}:'))).toEqual([]);
});

it('refuses a prefix that could not be a hash tag', async () => {
  await expect(createRedisStore({ target: server.target, prefix: "a}'b" })).rejects.toThrow(/prefix "a}'b"/);
});
