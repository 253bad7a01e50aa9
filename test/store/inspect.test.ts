/** The store looked at from outside: nothing is started, made or written for it. */
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { redisTarget } from '../../src/adapters/redis/connect.ts';
import { inspectRedis } from '../../src/adapters/redis/inspect.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/adapters/redis/private-server.ts';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { anAlert } from '../contracts/store.ts';
import { startRedis } from './redis-server.ts';

let directory: string;
let started: PrivateRedis[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sr-'));
  started = [];
});
afterEach(async () => {
  for (const server of started) await server.close();
  await chmod(directory, 0o700);
  await rm(directory, { recursive: true, force: true });
});

const place = (more = {}) => ({ directory, appendfsync: 'always' as const, prefix: 'sr', waitReplicas: 0, ...more });
const start = async () => {
  const server = await startPrivateRedis({ directory });
  started.push(server);
  return server;
};
const storeAt = ({ url }: PrivateRedis) => createRedisStore({ target: redisTarget(url), kind: 'private redis' });

it('that is not there yet is not made', async () => {
  const inside = join(directory, 'not', 'there', 'yet');
  expect(await inspectRedis(place({ directory: inside }))).toEqual({
    found: 'asleep',
    directory: inside,
    kept: false,
    warnings: [],
  });
  expect(await readdir(directory)).toEqual([]);
});

it('that sleeps is left asleep, with every file as it was', async () => {
  const server = await start();
  const store = await storeAt(server);
  await store.accept([anAlert('a')], 60_000);
  await store.close();
  await server.close();
  const before = await readdir(directory, { recursive: true });
  expect(await inspectRedis(place())).toMatchObject({ found: 'asleep', kept: true });
  expect(await readdir(directory, { recursive: true })).toEqual(before);
});

it('that a daemon uses is asked, and stays the daemon’s', async () => {
  const server = await start();
  const store = await storeAt(server);
  await store.accept([anAlert('a')], 60_000);
  const client = redisTarget(server.url).connect('question');
  const written = async () =>
    (await client.info('stats')).match(/total_net_repl_output_bytes|evicted_keys:\d+|expired_keys:\d+/g);
  const keys = (await client.keys('*')).sort();
  const counted = await written();
  expect(await inspectRedis(place())).toMatchObject({
    found: 'answer',
    health: { up: true, kind: 'private redis', warnings: [], says: (await store.health()).says },
  });
  expect((await client.keys('*')).sort()).toEqual(keys);
  expect(await written()).toEqual(counted);
  client.disconnect();
  expect(await store.pendingAlerts(Date.now(), 10)).toEqual(['a']);
  await store.close();
});

it('that was told to write once a second says so before it is there', async () => {
  const found = await inspectRedis(place({ appendfsync: 'everysec' }));
  expect(found).toMatchObject({ found: 'asleep', warnings: [expect.stringContaining('last second of alerts')] });
});

it('that is named is asked where it is, for what a daemon would warn of', async () => {
  const server = await startRedis('--appendonly', 'no');
  const url = `redis+unix://${server.target.describe}`;
  expect(await inspectRedis(place({ url }))).toMatchObject({
    found: 'answer',
    health: {
      up: true,
      kind: 'redis',
      warnings: [expect.stringMatching(/snapshots only/), expect.anything()].slice(0, 1),
    },
  });
  await server.kill();
  const gone = await inspectRedis(place({ url }));
  expect(gone).toMatchObject({
    found: 'answer',
    health: { up: false, says: expect.stringMatching(/does not answer: .*E(CONNREFUSED|NOENT)/) },
  });
  await server.stop();
});

it('whose folder is a file can’t be used', async () => {
  const file = join(directory, 'file');
  await writeFile(file, '');
  expect(await inspectRedis(place({ directory: file }))).toEqual({
    found: 'unusable',
    says: `${file} is not a folder`,
  });
  expect(await inspectRedis(place({ directory: join(file, 'x') }))).toMatchObject({ found: 'unusable' });
});

it.skipIf(process.getuid?.() === 0)('whose folder is another user’s can’t be used', async () => {
  await chmod(directory, 0o500);
  expect(await inspectRedis(place())).toMatchObject({ found: 'unusable', says: expect.stringContaining('EACCES') });
});

it('whose address is none is an error with its forms', async () => {
  await expect(inspectRedis(place({ url: 'redis://' }))).rejects.toThrow(/Forms: /);
});
