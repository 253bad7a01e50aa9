import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { redisTarget } from '../../src/adapters/redis/connect.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/adapters/redis/private-server.ts';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { anAlert } from '../contracts/store.ts';

let directory: string;
let started: PrivateRedis[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sr-'));
  started = [];
});
afterEach(async () => {
  for (const server of started) await server.close();
  await rm(directory, { recursive: true, force: true });
});

const start = async (where = directory) => {
  const server = await startPrivateRedis({ directory: where });
  started.push(server);
  return server;
};
const storeAt = (server: PrivateRedis) => createRedisStore({ target: redisTarget(server.url), kind: 'private redis' });
const pidOf = async (where: string) => Number(await readFile(join(where, 'redis.pid'), 'utf8'));
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('has the same data at the next start', async () => {
  const first = await start();
  const store = await storeAt(first);
  await store.accept([anAlert('a')], 60_000);
  await store.close();
  await first.close();
  const again = await storeAt(await start());
  expect(await again.pendingAlerts(Date.now(), 10)).toEqual(['a']);
  await again.close();
});

it('keeps what it acknowledged when it is killed', async () => {
  const first = await start();
  const store = await storeAt(first);
  await store.accept([anAlert('a')], 60_000);
  process.kill(await pidOf(directory), 'SIGKILL');
  await store.close();
  const again = await storeAt(await start());
  expect(await again.pendingAlerts(Date.now(), 10)).toEqual(['a']);
  await again.close();
});

it('writes to disk before it answers, and drops nothing: there is nothing to warn of', async () => {
  const store = await storeAt(await start());
  expect(await store.health()).toMatchObject({ up: true, kind: 'private redis', warnings: [] });
  await store.close();
});

it('is adopted by whoever starts on its directory', async () => {
  expect((await start()).adopted).toBe(false);
  const pid = await pidOf(directory);
  expect((await start()).adopted).toBe(true);
  expect(await pidOf(directory)).toBe(pid);
});

it('is started once when two start at one moment', async () => {
  const both = await Promise.all([start(), start()]);
  expect(both.map(({ adopted }) => adopted).sort()).toEqual([false, true]);
  expect(both[0]?.url).toBe(both[1]?.url);
});

it('stays while another daemon uses it, and stops with the last', async () => {
  const [first, second] = [await start(), await start()];
  const pid = await pidOf(directory);
  const store = await storeAt(second);
  await first.close();
  expect((await store.health()).up).toBe(true);
  await store.close();
  await second.close();
  await expect.poll(() => isAlive(pid)).toBe(false);
});

it('starts over a lock and a socket that the dead left', async () => {
  await writeFile(join(directory, 'starting.lock'), '999999999');
  await writeFile(join(directory, 'redis.sock'), '');
  await writeFile(join(directory, 'redis.pid'), '999999999');
  await writeFile(join(directory, 'redis.url'), `redis+unix://${join(directory, 'redis.sock')}`);
  expect((await start()).adopted).toBe(false);
});

it('listens on the loopback, with a password, where the path is too long for a socket', async () => {
  const deep = join(directory, 'x'.repeat(120));
  const server = await start(deep);
  expect(server.url).toMatch(/^redis:\/\/:[0-9a-f]{48}@127\.0\.0\.1:\d+$/);
  const store = await storeAt(server);
  expect((await store.health()).says).not.toContain(server.url.slice(9, 57));
  await store.close();
  const stranger = redisTarget(server.url.replace(/:[0-9a-f]{48}@/, '')).connect('question');
  stranger.on('error', () => {});
  await expect(stranger.get('x')).rejects.toThrow();
  stranger.disconnect();
});

it('takes a directory with spaces, quotes and Japanese in its name', async () => {
  const store = await storeAt(await start(join(directory, 'données "1" 保存')));
  expect((await store.health()).up).toBe(true);
  await store.close();
});

it('says what its program said when it does not start', async () => {
  await writeFile(join(directory, 'appendonlydir'), 'a file where a folder should be');
  await expect(startPrivateRedis({ directory })).rejects.toThrow(/did not start in .*: it ended with/);
});

it.each([
  ['a socket', ''],
  ['a port', 'x'.repeat(120)],
])('comes back on %s by itself when it is killed, at its address and with its data', async (_, below) => {
  const where = join(directory, below);
  const store = await storeAt(await start(where));
  await store.accept([anAlert('a')], 60_000);
  const pid = await pidOf(where);
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isAlive(pid)).toBe(false);
  await expect.poll(async () => (await store.health()).up, { timeout: 15_000 }).toBe(true);
  expect(await pidOf(where)).not.toBe(pid);
  expect(await store.pendingAlerts(Date.now(), 10)).toEqual(['a']);
  await store.close();
});

it('knows whether another daemon works on its directory', async () => {
  const store = await storeAt(await start());
  expect((await start()).shared).toBe(true);
  await store.close();
  await expect.poll(async () => (await start()).shared).toBe(false);
});
