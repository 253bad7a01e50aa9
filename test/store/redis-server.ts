import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type RedisTarget, redisTarget } from '../../src/adapters/redis/connect.ts';

export interface TestServer {
  target: RedisTarget;
  /** As a crash does. */
  kill(): Promise<void>;
  /** Starts it again, in the same place. */
  restart(): Promise<void>;
  /** Sends it a signal: STOP freezes it, CONT lets it go on. */
  signal(signal: NodeJS.Signals): void;
  /** Kills it and removes its folder. */
  stop(): Promise<void>;
}

/** A redis-server of the test's own on a Unix socket. Says how to get one where there is none. */
export async function startRedis(...settings: string[]): Promise<TestServer> {
  if (spawnSync('redis-server', ['--version']).error) {
    throw new Error('these tests need redis-server: apt-get install redis-server (or: brew install redis)');
  }
  const directory = await mkdtemp(join(tmpdir(), 'sr-'));
  const socket = join(directory, 's');
  const target = redisTarget(`redis+unix://${socket}`);
  const all = ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', '', ...settings];
  const begin = async () => {
    const begun = spawn('redis-server', all, { stdio: 'ignore' });
    const client = target.connect('blocking');
    client.on('error', () => {}); // until it listens
    const answer = await Promise.race([client.ping(), pause(60_000, 'late', { ref: false })]);
    client.disconnect();
    if (answer !== 'PONG') throw new Error('redis-server did not answer within a minute');
    return begun;
  };
  let child: ChildProcess = await begin();
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return {
    target,
    kill,
    restart: async () => {
      child = await begin();
    },
    signal: (signal) => {
      child.kill(signal);
    },
    stop: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
