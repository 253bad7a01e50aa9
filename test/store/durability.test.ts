/** What a real server tells of how it keeps what it is given, as it is said at the start of a daemon. */
import { afterEach, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer | undefined;
afterEach(() => server?.stop());

const SAFE = { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction' };

async function warningsOf(settings: Record<string, string>): Promise<string[]> {
  const all = Object.entries({ ...SAFE, ...settings }).flatMap(([name, value]) => [`--${name}`, value]);
  server = await startRedis(...all);
  const store = await createRedisStore({ target: server.target });
  const { up, warnings } = await store.health();
  await store.close();
  expect(up).toBe(true);
  return warnings;
}

it.each<[Record<string, string>, RegExp | undefined]>([
  [{}, undefined],
  [{ appendonly: 'no' }, /snapshots only/],
  [{ appendfsync: 'everysec' }, /once per second/],
  [{ appendfsync: 'no' }, /lets the operating system decide/],
  [{ 'maxmemory-policy': 'allkeys-lru' }, /may drop journals/],
])('%j', async (settings, warning) => {
  const said = await warningsOf(settings);
  if (!warning) expect(said).toEqual([]);
  else expect(said).toEqual([expect.stringMatching(warning)]);
});

it('memory that is nearly full is warned of before it is', async () => {
  server = await startRedis(...Object.entries(SAFE).flatMap(([name, value]) => [`--${name}`, value]));
  const store = await createRedisStore({ target: server.target });
  await store.health();
  const client = server.target.connect('question');
  // So much that what the server needs for itself does not count; made there, for a value sent by us fills buffers a while.
  await client.setrange('ballast', 20_000_000, 'x');
  const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  await client.config('SET', 'maxmemory', String(Math.ceil(used * 1.06)));
  const { up, warnings } = await store.health();
  client.disconnect();
  await store.close();
  expect(up).toBe(true);
  expect(warnings).toEqual([expect.stringMatching(/% of its memory limit/)]);
});

it('what is to be typed is taken by the server, and ends the warnings', async () => {
  await warningsOf({ appendonly: 'no', appendfsync: 'everysec', 'maxmemory-policy': 'allkeys-lru' });
  const store = await createRedisStore({ target: server!.target });
  const client = server!.target.connect('question');
  for (let turn = 0; turn < 2; turn += 1) {
    for (const warning of (await store.health()).warnings) {
      const [, setting = '', value = ''] = /redis-cli CONFIG SET (\S+) (\S+)`/.exec(warning) ?? [];
      await client.config('SET', setting, value);
    }
  }
  expect((await store.health()).warnings).toEqual([]);
  client.disconnect();
  await store.close();
});
