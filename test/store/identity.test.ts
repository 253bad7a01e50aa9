/** What a daemon finds when its Redis was emptied, replaced or restored under it, and when it refuses its work. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBullWakeups } from '../../src/adapters/bullmq/wakeups.ts';
import type { Client } from '../../src/adapters/redis/connect.ts';
import { PROVE } from '../../src/adapters/redis/scripts/identity.ts';
import { createRedisStore, type RedisStore } from '../../src/adapters/redis/store.ts';
import type { Head } from '../../src/ports/journal.ts';
import type { KillSwitch } from '../../src/ports/kill-switch.ts';
import { anAlert } from '../contracts/store.ts';
import { journalOf } from '../support/journal.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
let client: Client;
let store: RedisStore;
let closing: (() => Promise<unknown>)[];
beforeEach(async () => {
  server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always');
  client = server.target.connect('blocking');
  client.on('error', () => {}); // it is restarted on purpose
  closing = [() => server.stop(), async () => client.disconnect()];
  store = await aStore();
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function aStore(): Promise<RedisStore> {
  const made = await createRedisStore({ target: server.target });
  closing.push(() => made.close());
  return made;
}

const SAME = { is: 'same', older: false, evicted: false };
const HELD: KillSwitch = { on: true, scope: {}, by: 'the watch', reason: 'it was emptied', since: 1 };
const EMPTIED = /this is not the store that the daemon knows: it was emptied or replaced/;

async function open(id: string, at = store): Promise<Head> {
  const opening = { key: id, server: 'mbx1', family: 'IMAP' };
  const event = { type: 'opened' as const, data: { id, server: 'mbx1', family: 'IMAP' } };
  const opened = await at.append(id, { seq: 0, hash: '' }, event, { at: 1, worker: 'w', opening });
  if (!opened.ok) throw new Error('the incident was not opened');
  return opened.head;
}

describe('the store that a daemon knows', () => {
  it('that was emptied does nothing until it is recognised, and then begins with the switches that are on', async () => {
    const other = await aStore();
    expect([await store.recognise([]), await other.recognise([])]).toEqual([SAME, SAME]);
    const head = await open('i');
    const lease = await store.lease('i', 'w', 60_000);
    await client.flushall();
    await expect(store.confirm('i', head, lease?.token)).rejects.toThrow(EMPTIED);
    await expect(open('j')).rejects.toThrow(EMPTIED);
    await expect(store.accept([anAlert('a')], 60_000)).rejects.toThrow(EMPTIED);
    expect(await store.health()).toMatchObject({ up: false, says: expect.stringMatching(EMPTIED) });
    const scoped: KillSwitch = { on: true, scope: { server: 'mbx2' }, by: 'yuki', reason: 'works there', since: 2 };
    expect(await store.recognise([HELD, scoped])).toMatchObject({ is: 'emptied' });
    expect(await store.killSwitches()).toEqual([HELD, scoped]);
    expect((await store.health()).up).toBe(true);
    expect(await store.accept([anAlert('a')], 60_000)).toEqual([{ id: 'a', repeat: false }]);
    // The other knew the same, and finds the same once.
    await expect(open('k', other)).rejects.toThrow(EMPTIED);
    expect(await other.recognise([HELD])).toMatchObject({ is: 'emptied' });
    expect([await store.recognise([]), await other.recognise([])]).toEqual([SAME, SAME]);
    await open('k', other);
  });

  it('that was emptied twice before one looked is known by its first name, too', async () => {
    const other = await aStore();
    await store.recognise([]);
    await other.recognise([]);
    for (let times = 0; times < 2; times += 1) {
      await client.flushall();
      expect(await store.recognise([])).toMatchObject({ is: 'emptied' });
    }
    expect(await other.recognise([])).toMatchObject({ is: 'emptied' });
  });

  it('that is another is left alone, and known again when it is back', async () => {
    await store.recognise([]);
    const id = (await client.hget('{sr}:store', 'id')) ?? '';
    await client.hset('{sr}:store', 'id', 'another', 'before', '');
    expect(await store.recognise([HELD])).toMatchObject({ is: 'other' });
    expect(await store.killSwitches()).toEqual([]);
    await expect(store.accept([anAlert('a')], 60_000)).rejects.toThrow(EMPTIED);
    await client.hset('{sr}:store', 'id', id);
    expect(await store.recognise([HELD])).toEqual(SAME);
    expect(await store.accept([anAlert('a')], 60_000)).toHaveLength(1);
  });

  it('is the same after a restart, and after its indexes were made anew', async () => {
    await store.recognise([]);
    await open('i');
    await server.kill();
    await server.restart();
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    expect(await store.recognise([])).toEqual(SAME);
    await store.reindex();
    expect(await store.recognise([])).toEqual(SAME);
  });

  it('that went back to what it was before is older', async () => {
    await open('i');
    expect(await store.recognise([])).toEqual(SAME);
    const feed = await client.dumpBuffer('{sr}:feed');
    await open('j');
    expect(await store.recognise([])).toEqual(SAME);
    await client.restore('{sr}:feed', 0, feed as unknown as string, 'REPLACE');
    expect(await store.recognise([])).toEqual({ ...SAME, older: true });
    expect(await store.recognise([])).toEqual(SAME);
  });

  it('that has dropped keys for want of memory says so once', async () => {
    await store.recognise([]);
    await client.set('filler', 'x'.repeat(100_000));
    await client.config('SET', 'maxmemory-policy', 'allkeys-random');
    await client.config('SET', 'maxmemory', '1');
    await client.set('more', '1').catch(() => {});
    await client.config('SET', 'maxmemory', '0');
    await expect.poll(() => client.info('stats')).toMatch(/evicted_keys:[1-9]/);
    // Which of them went is nobody's to say; its own name may be among them.
    expect(await store.recognise([])).toSatisfy(({ is, evicted }) => is === 'emptied' || evicted);
    expect(await store.recognise([])).toEqual(SAME);
  });

  it('whose journal of an open incident is gone, in one part or the other, has none', async () => {
    for (const id of ['head', 'entries', 'beginning', 'end']) {
      const head = await open(id);
      await store.append(
        id,
        head,
        { type: 'slept', data: { until: 9, for: 'look', says: '' } },
        { at: 2, worker: 'w' },
      );
    }
    await client.del('{sr}:incident:head', '{sr}:journal:entries');
    await client.xdel('{sr}:journal:beginning', '1-0');
    await client.xdel('{sr}:journal:end', '2-0');
    const gone = ['head', 'entries', 'beginning', 'end'];
    expect(await store.standings(gone)).toEqual(gone.map(() => undefined));
    // And no command is sent for it.
    const { head } = (await journalOf(store, 'beginning')) ?? { head: { seq: 0, hash: '' } };
    await expect(store.confirm('beginning', head)).rejects.toThrow(/journal of beginning has lost entries/);
  });
});

it('goes on when Redis has lost its scripts', async () => {
  await store.recognise([]);
  const head = await open('i');
  await client.script('FLUSH');
  const lease = await store.lease('i', 'w', 60_000);
  await client.script('FLUSH');
  expect(await store.confirm('i', head, lease?.token)).toBe(true);
  const heard: string[] = [];
  const wakeups = createBullWakeups({ connect: (purpose) => server.target.connect(purpose) });
  closing.push(() => wakeups.close(100));
  const hear = async (id: string) => void heard.push(id);
  await wakeups.work({ alert: hear, incident: hear }, { alerts: 1, incidents: 1 });
  await client.script('FLUSH');
  await wakeups.incident('i');
  await expect.poll(() => heard, { timeout: 30_000 }).toEqual(['i']);
  await client.script('FLUSH');
  expect(await store.accept([anAlert('a')], 60_000)).toHaveLength(1);
  expect(await store.recognise([])).toEqual(SAME);
  expect((await store.health()).up).toBe(true);
});

describe('a Redis that answers and refuses its work', () => {
  const config = (name: string, value: string) => client.config('SET', name, value);
  const acl = (...rules: string[]) => client.call('ACL', 'SETUSER', 'default', ...rules);

  const REFUSALS: { because: string; words: RegExp; begin(): Promise<unknown>; end(): Promise<unknown> }[] = [
    {
      because: 'its memory is full',
      words: /refuses \w+: OOM command not allowed .*\. Type `redis-cli CONFIG SET maxmemory` with a higher value/,
      begin: () => config('maxmemory', '1'),
      end: () => config('maxmemory', '0'),
    },
    {
      because: 'it is a replica',
      words: /refuses \w+: READONLY .*\. Set `store.url` to the master/,
      begin: () => client.call('REPLICAOF', '127.0.0.1', '1'),
      end: () => client.call('REPLICAOF', 'NO', 'ONE'),
    },
    {
      because: 'too few replicas are there',
      words: /refuses \w+: NOREPLICAS .*\. Restore its replicas/,
      begin: () => config('min-replicas-to-write', '1'),
      end: () => config('min-replicas-to-write', '0'),
    },
    {
      because: 'a command of the scripts is not allowed',
      words:
        /refuses ZADD: .*(NOPERM|can't run this command).*Allow the user of `store\.url` this command and its keys/,
      begin: () => acl('-zadd'),
      end: () => acl('+zadd'),
    },
    {
      because: 'scripts are not allowed',
      words: /refuses: NOPERM .*evalsha.*Allow the user of `store\.url` this command and its keys/,
      begin: () => acl('-@scripting'),
      end: () => acl('+@scripting'),
    },
    {
      because: 'its keys are not allowed',
      words: /refuses( \w+)?: .*(NOPERM|permissions).*Allow the user of `store\.url` this command and its keys/,
      begin: () => acl('resetkeys', '~other:*'),
      end: () => acl('resetkeys', '~*'),
    },
  ];

  it.each(REFUSALS)('as $because is not up until it does it again, and says why', async ({ words, begin, end }) => {
    await store.recognise([]);
    expect((await store.health()).up).toBe(true);
    await begin();
    await expect
      .poll(() => store.health(), { timeout: 30_000 })
      .toMatchObject({ up: false, says: expect.stringMatching(words) });
    await expect(store.accept([anAlert('a')], 60_000)).rejects.toThrow();
    await end();
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    await store.accept([anAlert('a')], 60_000);
    expect(await store.pendingAlerts(Date.now(), 10)).toEqual(['a']);
    expect(await store.pendingAlert('a')).toMatchObject({ repeat: false });
  });

  it('as its last snapshot failed is not up until one succeeds', async () => {
    const missing = await mkdtemp(join(tmpdir(), 'sr-'));
    const snapshots = await startRedis('--save', '3600 1000000', '--dir', missing);
    closing.push(() => snapshots.stop());
    const asking = snapshots.target.connect('blocking');
    closing.push(async () => asking.disconnect());
    const failing = await createRedisStore({ target: snapshots.target });
    closing.push(() => failing.close());
    await failing.recognise([]);
    expect((await failing.health()).up).toBe(true);
    await rm(missing, { recursive: true });
    await asking.bgsave();
    const MISCONF = /refuses \w+: MISCONF .*Check its log for why it could not write to disk/;
    await expect
      .poll(() => failing.health(), { timeout: 30_000 })
      .toMatchObject({ up: false, says: expect.stringMatching(MISCONF) });
    await asking.config('SET', 'stop-writes-on-bgsave-error', 'no');
    await expect.poll(async () => (await failing.health()).up, { timeout: 30_000 }).toBe(true);
  });

  it('is tried once in two seconds, however often somebody asks, and at once when a write was refused', async () => {
    const proofs = async () =>
      Number(/cmdstat_zremrangebyrank:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
    await Promise.all(Array.from({ length: 50 }, () => store.health()));
    for (let n = 0; n < 20; n += 1) await store.health();
    expect(await proofs()).toBe(1);
    await config('maxmemory', '1');
    await expect(store.accept([anAlert('a')], 60_000)).rejects.toThrow(/OOM/);
    expect((await store.health()).up).toBe(false);
  });

  it('leaves nothing behind', async () => {
    const before = await client.keys('*');
    expect((await store.health()).up).toBe(true);
    expect(await client.keys('*')).toEqual(before);
  });
});

it('the proof uses every command that the scripts and the store use', () => {
  const folder = 'src/adapters/redis/scripts';
  const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const used = new Set(sources.join().match(/(?<=redis\.p?call\(')[A-Z]+/g));
  // What the server itself is asked, in scripts and beside them.
  for (const about of ['TIME', 'INFO', 'RENAME']) used.delete(about);
  const proved = new Set(PROVE.lua.match(/(?<=redis\.pcall\(')[A-Z]+/g));
  expect([...used].filter((command) => !proved.has(command))).toEqual([]);
});

it('the queues say what Redis refuses them, until a job has gone the whole way again', async () => {
  const wakeups = createBullWakeups({ connect: (purpose) => server.target.connect(purpose) });
  closing.push(() => wakeups.close(100));
  const heard: string[] = [];
  const hear = async (id: string) => void heard.push(id);
  await wakeups.work({ alert: hear, incident: hear }, { alerts: 1, incidents: 1 });
  expect(await wakeups.refusal()).toBeUndefined();
  await client.call('ACL', 'SETUSER', 'default', '-bzpopmin');
  await expect.poll(() => wakeups.refusal(), { timeout: 30_000 }).toMatch(/bzpopmin/);
  await client.call('ACL', 'SETUSER', 'default', '+bzpopmin');
  await expect.poll(() => wakeups.refusal(), { timeout: 30_000 }).toBeUndefined();
  await client.call('ACL', 'SETUSER', 'default', '-evalsha');
  await wakeups.incident('i');
  expect(await wakeups.refusal()).toMatch(/evalsha/);
  await client.call('ACL', 'SETUSER', 'default', '+evalsha');
  await expect.poll(() => wakeups.refusal(), { timeout: 30_000 }).toBeUndefined();
  expect(heard).toEqual([]);
}, 90_000);
