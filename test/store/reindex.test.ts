/** Indexes in Redis made anew: every key of them deleted, journals that can't be read, daemons that write meanwhile. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../src/adapters/redis/connect.ts';
import { createRedisStore, type RedisStore } from '../../src/adapters/redis/store.ts';
import type { IncidentEvent } from '../../src/incident/event.ts';
import type { AppendOptions, Head } from '../../src/ports/journal.ts';
import { reindexContract, sorted } from '../contracts/reindex.ts';
import { anAlert } from '../contracts/store.ts';
import { journalOf } from '../support/journal.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startRedis('--maxmemory-policy', 'noeviction');
  client = server.target.connect('blocking');
});
afterAll(async () => {
  client?.disconnect();
  await server?.stop();
});

/** What no journal tells, and what is none of the store's. */
const LEFT = /^(alerts|pending|kill|feed|mark:|lease:|trust:|speaks:|journal:|queue:)/;

async function indexKeys(prefix: string): Promise<string[]> {
  const keys = (await client.keys(`{${prefix}}:*`)).map((key) => key.slice(prefix.length + 3));
  return keys.filter((key) => !LEFT.test(key)).sort();
}

/** Every index as it is. Real times, which are this moment's, are left out. */
async function indexesOf(prefix: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of await indexKeys(prefix)) {
    const key = `{${prefix}}:${name}`;
    switch (await client.type(key)) {
      case 'hash':
        found[name] = Object.entries(await client.hgetall(key)).map(([field, value]) => [
          field,
          plain(name, field, value),
        ]);
        break;
      case 'zset': {
        const flat = await client.zrange(key, '0', '-1', 'WITHSCORES');
        const pairs = flat.flatMap((member, n) => (n % 2 === 0 ? [[member, flat[n + 1]]] : []));
        found[name] = name === 'due' || name === 'ended' ? pairs.map(([member]) => member) : pairs;
        break;
      }
      case 'set':
        found[name] = await client.smembers(key);
        break;
      case 'list':
        found[name] = (await client.lrange(key, 0, -1)).map((text) => sorted(JSON.parse(text)));
        continue;
    }
    (found[name] as unknown[]).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return found;
}

function plain(name: string, field: string, value: string): unknown {
  if (field === 'packed') return 'packed';
  if (name === 'outcomes') return value.replace(/^[^:]+/, 'then');
  return value.startsWith('{') ? sorted(JSON.parse(value)) : value;
}

/** Deletes all but heads, packed journals and what no journal tells. */
async function spoil(prefix: string): Promise<void> {
  for (const name of await indexKeys(prefix)) {
    const key = `{${prefix}}:${name}`;
    if (!name.startsWith('incident:')) await client.del(key);
    else for (const one of await client.hkeys(key)) if (one !== 'head' && one !== 'packed') await client.hdel(key, one);
  }
}

reindexContract('the indexes of the store in Redis, made anew', async () => {
  const prefix = randomUUID().slice(0, 8);
  const store = await createRedisStore({ target: server.target, prefix });
  return {
    store,
    indexes: async () => {
      await store.tidy();
      return indexesOf(prefix);
    },
    spoil: () => spoil(prefix),
    close: () => store.close(),
  };
});

describe('a store in Redis whose indexes are made anew', () => {
  let prefix: string;
  let store: RedisStore;
  beforeEach(async () => {
    prefix = randomUUID().slice(0, 8);
    store = await createRedisStore({ target: server.target, prefix });
    return () => store.close();
  });
  const key = (name: string) => `{${prefix}}:${name}`;

  const write = async (id: string, head: Head, event: IncidentEvent, options: Partial<AppendOptions> = {}) => {
    const written = await store.append(id, head, event, { at: 1, worker: 'w', ...options });
    if (!written.ok) throw new Error(JSON.stringify(written));
    return written.head;
  };
  const open = (id: string, name = 'mbx1') =>
    write(
      id,
      { seq: 0, hash: '' },
      { type: 'opened', data: { id, server: name, family: 'IMAP' } },
      { opening: { key: `${name}/imap`, server: name, family: 'IMAP' } },
    );
  const debt = {
    id: '1',
    kind: 'activation',
    server: 'mbx1',
    setting: 'activation',
    when: 'always' as const,
    value: {},
    says: 'allow it again',
  };
  /** Acts on mbx1 and owes something there. */
  const acts = async (id: string) =>
    write(
      id,
      await open(id),
      { type: 'stepStarted', data: { n: 1, note: {} } },
      {
        start: {
          owner: id,
          organisation: 'w1',
          kill: [],
          claims: ['mbx1'],
          slot: { group: 'dag1', server: 'mbx1' },
          throttles: [],
        },
        outstanding: [{ debt, incident: id, organisation: 'w1' }],
      },
    );
  const again = async (id: string, change: (texts: string[]) => string[]) => {
    const entries = await client.xrange(key(`journal:${id}`), '-', '+');
    await client.del(key(`journal:${id}`));
    for (const [n, text] of change(entries.map(([, [, one = '']]) => one)).entries()) {
      await client.xadd(key(`journal:${id}`), `${n + 1}-0`, 'e', text);
    }
  };

  const spoilt: [string, (id: string, head: Head) => Promise<unknown>, RegExp][] = [
    [
      'of a newer version',
      (id) => again(id, (texts) => texts.map((text) => text.replace('"version":1', '"version":99'))),
      /entry 1 of i1 has version 99, but this program reads versions up to 1: update it/,
    ],
    ['that is no JSON', (id) => again(id, ([first = '']) => [first, '{"seq":2,']), /JSON/],
    ['without its beginning', (id) => again(id, ([, second = '']) => [second]), /entry 1 is missing/],
    ['without entries', (id) => client.del(key(`journal:${id}`)), /a journal must begin with "opened"/],
    ['without its head', (id) => client.del(key(`incident:${id}`)), /its head is missing/],
    ['that can not be unpacked', (id) => client.hset(key(`incident:${id}`), 'packed', 'x'), /can't be decompressed/],
  ];
  it.each(spoilt)('reports a journal %s, and the others do not suffer', async (_, damage, why) => {
    await open('other', 'mbx2');
    await damage('i1', await acts('i1'));
    const found = await store.reindex();
    expect(found).toMatchObject({
      incidents: 1,
      open: 1,
      unreadable: [{ incident: 'i1', why: expect.stringMatching(why) }],
    });
    expect((await store.correlate('mbx2/imap', 'mbx2', 'w1', 0)).open).toBe('other');
  });

  it('leaves what the indexes said of an incident that it can not read: what it holds, and what it owes', async () => {
    const [, damage] = spoilt[0] ?? [];
    await damage?.('i1', await acts('i1'));
    const before = await indexesOf(prefix);
    const asked = { owner: 'x', organisation: 'w1', kill: [], claims: ['mbx1'], throttles: [] };
    expect(await store.reindex()).toMatchObject({ incidents: 0, owed: 1 });
    expect(await indexesOf(prefix)).toEqual(before);
    expect(await store.wouldRefuse(asked)).toMatchObject({ by: 'claim', owner: 'i1' });
    expect(await store.openOn('mbx1')).toEqual([{ incident: 'i1', family: 'IMAP' }]);
  });

  it('appends nothing meanwhile, says so, and goes on afterwards', async () => {
    const head = await open('i1');
    await client.set(key('reindexing'), 'another', 'PX', 60_000);
    const slept: IncidentEvent = { type: 'slept', data: { until: 1, for: 'x', says: '' } };
    await expect(write('i1', head, slept)).rejects.toThrow(/indexes of the store are being rebuilt/);
    await expect(store.reindex()).rejects.toThrow(/being rebuilt/);
    expect(await store.health()).toMatchObject({ up: false, says: expect.stringMatching(/being rebuilt/) });
    expect(await client.get(key('reindexing'))).toBe('another');
    await client.del(key('reindexing'));
    await store.reindex();
    await write('i1', head, slept);
    expect((await store.health()).up).toBe(true);
  });

  it('forgets nothing meanwhile', async () => {
    const end: IncidentEvent = { type: 'finished', data: { outcome: 'transient', reason: '', left: [], owed: [] } };
    const finishing = { key: 'mbx1/imap', root: 'i1', isRoot: true, keepSlots: [], outcome: 'transient' };
    await write('i1', await open('i1'), end, { finishing });
    await client.set(key('reindexing'), 'another', 'PX', 60_000);
    const short = await createRedisStore({ target: server.target, prefix, finishedRetentionMs: -1_000 });
    await short.tidy();
    expect(await journalOf(store, 'i1')).toBeDefined();
    await client.del(key('reindexing'));
    await short.tidy();
    expect(await journalOf(store, 'i1')).toBeUndefined();
    await short.close();
  });

  it('leaves the old indexes when its hold was lost on the way', async () => {
    await acts('i1');
    const before = await indexesOf(prefix);
    const ends = server.target.connect('blocking');
    // As soon as it holds the store, somebody takes that away.
    const lost = (async () => {
      while ((await ends.del(key('reindexing'))) === 0);
    })();
    await expect(store.reindex()).rejects.toThrow(/lock on the store was lost/);
    await lost;
    ends.disconnect();
    const { 'incident:i1': _, ...rest } = before;
    expect(await indexesOf(prefix)).toMatchObject(rest);
  });

  it('keeps nothing of what has long expired', async () => {
    const then = Date.now() - 3 * 24 * 3_600_000;
    const playbook = { name: 'p', hash: 'h', mode: 'auto' as const };
    const plan = [{ n: 1, step: 'restart-server', options: {}, changes: true, says: '' }];
    const intent = { command: 'Restart-Computer', server: 'mbx1', arguments: {}, fence: {} };
    const rule = (name: string, minutesBetween: number) => ({ key: name, now: then, minutesBetween });
    const took = { world: 'w1', throttles: [rule('day', 60), rule('week', 7 * 24 * 60)] };
    const data = { id: 'i1', server: 'mbx1', family: 'IMAP', world: 'w1', alert: anAlert('a') };
    const opening = { key: 'mbx1/imap', server: 'mbx1', family: 'IMAP' };
    const at = then;
    let head = await write('i1', { seq: 0, hash: '' }, { type: 'opened', data }, { at, opening });
    head = await write('i1', head, { type: 'matched', data: { playbook, handles: [], plan } }, { at });
    await write('i1', head, { type: 'stepStarted', data: { n: 1, note: {}, intent, took } }, { at });
    await store.reindex();
    expect(await client.keys(key('trouble:*'))).toEqual([]);
    expect(await client.keys(key('starts:*'))).toEqual([key('starts:["w1","week"]')]);
    expect(await client.hgetall(key('claims'))).toEqual({ '["w1","mbx1"]': 'i1' });
  });

  it('clears away what one that died on the way had made', async () => {
    await client.hset(key('new:keys'), 'mbx9/imap', 'ghost');
    await open('i1');
    await store.reindex();
    expect(await client.hgetall(key('keys'))).toEqual({ 'mbx1/imap': 'i1' });
    expect(await client.keys(key('new:*'))).toEqual([]);
  });
});
