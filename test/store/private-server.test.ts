import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { redisTarget } from '../../src/adapters/redis/connect.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/adapters/redis/private-server.ts';
import { Locksmith } from '../../src/adapters/redis/starting-lock.ts';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { anAlert } from '../contracts/store.ts';

let directory: string;
let started: PrivateRedis[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sr-'));
  started = [];
  says = [];
});
afterEach(async () => {
  vi.useRealTimers();
  for (const server of started) await server.close();
  await rm(directory, { recursive: true, force: true });
});

let says: string[];
const start = async (where = directory) => {
  const server = await startPrivateRedis({ directory: where, onTrouble: (said) => says.push(said) });
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
  await expect(startPrivateRedis({ directory })).rejects.toThrow(/did not start in .*: it exited with/);
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
  await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
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

/** What may lie where a file of ours is expected. */
const CONTENTS: [what: string, lay: (path: string) => unknown][] = [
  ['nothing', (path) => writeFile(path, '')],
  ['garbage', (path) => writeFile(path, '\u0000\u0001\uffff')],
  ['half an address', (path) => writeFile(path, 'redis://:abc')],
  ['an address of somebody else', (path) => writeFile(path, 'redis://example.com:6379')],
  ['a port that is none', (path) => writeFile(path, 'redis://:abc@127.0.0.1:99999')],
  ['something of a newer version', (path) => writeFile(path, '{"version":9,"url":"redis+quic:///x"}')],
  ['a megabyte', (path) => writeFile(path, 'x'.repeat(1024 * 1024))],
  ['a folder', async (path) => [await mkdir(path), await writeFile(join(path, 'precious'), 'x')]],
  ['a link to nothing', (path) => symlink('nothing', path)],
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a file that may not be read', async (path) => [await writeFile(path, 'x'), await chmod(path, 0)]],
  // In a container every daemon has number 1.
  ['the number of a process that lives', (path) => writeFile(path, '1')],
];

it('starts over whatever lies where its address and its number belong, says so once, and loses nothing', async () => {
  for (const [what, lay] of CONTENTS) {
    const where = join(directory, what.replaceAll(' ', '-'));
    await mkdir(where);
    await lay(join(where, 'redis.url'));
    await writeFile(join(where, 'redis.pid'), `${process.pid}`);
    says = [];
    const server = await start(where);
    expect(server.adopted, what).toBe(false);
    expect(says, what).toEqual([expect.stringMatching(/redis\.url is not valid and will be replaced: /)]);
    expect(readFileSync(join(where, 'redis.url'), 'utf8'), what).toBe(server.url);
    const aside = (await readdir(where)).find((name) => name.startsWith('redis.url.unusable-'));
    expect(aside !== undefined && existsSync(join(where, aside, 'precious')), what).toBe(what === 'a folder');
    await server.close();
  }
});

it('takes over a lock that nobody holds, whatever it is, and says what it waits for', async () => {
  const places = await Promise.all(
    CONTENTS.map(async ([what, lay]) => {
      const where = join(directory, what.replaceAll(' ', '-'));
      await mkdir(where);
      await lay(join(where, 'starting.lock'));
      return { what, where, said: [] as string[] };
    }),
  );
  const begun = await Promise.all(
    places.map(({ where, said }) => startPrivateRedis({ directory: where, onTrouble: (says) => said.push(says) })),
  );
  started.push(...begun);
  for (const { what, where, said } of places) {
    expect(said[0], what).toMatch(/^waiting: the private Redis in \S+ is being started by another daemon$/);
    expect(said[1], what).toMatch(/starting\.lock was left by a daemon that crashed/);
    expect(existsSync(join(where, 'starting.lock')), what).toBe(false);
  }
});

it('leaves the lock to one that holds it, for as long as it does', async () => {
  const path = join(directory, 'starting.lock');
  const other = new Locksmith(path, () => {});
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
  const lock = other.attempt();
  const waiting = start();
  await expect.poll(() => says, { timeout: 30_000 }).toEqual([expect.stringMatching(/^waiting: /)]);
  const later = new Locksmith(path, () => {});
  // Longer than one that is dead is waited for.
  for (let attempts = 0; attempts < 65; attempts += 1) {
    expect(later.attempt()).toBeUndefined();
    vi.advanceTimersByTime(100);
  }
  expect(lock?.held()).toBe(true);
  lock?.release();
  expect((await waiting).adopted).toBe(false);
  expect(says).toHaveLength(1);
});

it('does not take the Redis of the folder that its own was copied from', async () => {
  const deep = (name: string) => join(directory, name, 'x'.repeat(120));
  for (const where of [(name: string) => join(directory, name), deep]) {
    const first = await start(where('first'));
    const copy = where('copy');
    await cp(where('first'), copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const second = await start(copy);
    expect(second.adopted).toBe(false);
    expect(second.url).not.toBe(first.url);
    expect(await pidOf(copy)).not.toBe(await pidOf(where('first')));
  }
});

it('believes the number of no process that works elsewhere, though it is a Redis', async () => {
  const other = await mkdtemp(join(tmpdir(), 'sr-'));
  const [redis, ready] = spawnRedis(other);
  try {
    await ready;
    await writeFile(join(directory, 'redis.pid'), `${redis.pid}`);
    expect((await start()).adopted).toBe(false);
    expect(says).toEqual([]);
    expect(isAlive(redis.pid ?? 0)).toBe(true);
  } finally {
    redis.kill('SIGKILL');
    await once(redis, 'exit');
    await rm(other, { recursive: true });
  }
});

function spawnRedis(where: string): [ChildProcess, Promise<unknown>] {
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', join(where, 'redis.sock')], { cwd: where });
  return [redis, once(redis.stdout, 'data')];
}

it('goes on with what was written whole when its last write was cut', async () => {
  const first = await start();
  const store = await storeAt(first);
  await store.accept([anAlert('a')], 60_000);
  await store.close();
  await first.close();
  const folder = join(directory, 'appendonlydir');
  const log = (await readdir(folder)).find((name) => name.endsWith('.incr.aof')) ?? '';
  await writeFile(join(folder, log), '*3\r\n$3\r\nSET\r\n$1\r\nx', { flag: 'a' });
  const again = await storeAt(await start());
  expect(await again.pendingAlerts(Date.now(), 10)).toEqual(['a']);
  await again.close();
});
