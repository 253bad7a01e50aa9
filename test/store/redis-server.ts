import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type RedisTarget, redisTarget } from '../../src/adapters/redis/connect.ts';

export interface TestServer {
  target: RedisTarget;
  process: ChildProcess;
  stop(): Promise<void>;
}

/** A redis-server of the test's own on a Unix socket. Says how to get one where there is none. */
export async function startRedis(...settings: string[]): Promise<TestServer> {
  if (spawnSync('redis-server', ['--version']).error) {
    throw new Error('these tests need redis-server: apt-get install redis-server (or: brew install redis)');
  }
  const directory = await mkdtemp(join(tmpdir(), 'sr-'));
  const socket = join(directory, 's');
  const child = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', '', ...settings],
    {
      stdio: 'ignore',
    },
  );
  const target = redisTarget(`redis+unix://${socket}`);
  const client = target.connect('blocking');
  client.on('error', () => {}); // until it listens
  while ((await Promise.race([client.ping(), pause(10_000, 'late')])) !== 'PONG') {
    throw new Error('redis-server did not answer within 10 s');
  }
  client.disconnect();
  return {
    target,
    process: child,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}
