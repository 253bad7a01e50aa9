/** Every script is legal on Redis Cluster: all its keys are in one slot. A cluster of one node refuses the same things. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createBullWakeups } from '../../src/adapters/bullmq/wakeups.ts';
import { type RedisTarget, redisTarget } from '../../src/adapters/redis/connect.ts';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { lessonsContract } from '../contracts/lessons.ts';
import { storeContract } from '../contracts/store.ts';
import { wakeupsContract } from '../contracts/wakeups.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
let target: RedisTarget;
beforeAll(async () => {
  const [port, bus] = [await freePort(), await freePort()];
  const listens = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--cluster-port',
    String(bus),
    '--cluster-announce-ip',
    '127.0.0.1',
  ];
  server = await startRedis(...listens, '--cluster-enabled', 'yes', '--maxmemory-policy', 'noeviction');
  const client = server.target.connect('blocking');
  await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  const isUp = async () => expect(await client.call('CLUSTER', 'INFO')).toContain('cluster_state:ok');
  await vi.waitFor(isUp, { timeout: 10_000 });
  client.disconnect();
  target = redisTarget(`redis+cluster://127.0.0.1:${port}`);
});
afterAll(() => server?.stop());

async function freePort(): Promise<number> {
  const socket = createServer();
  await new Promise<void>((listening) => socket.listen(0, '127.0.0.1', listening));
  const address = socket.address();
  await new Promise((closed) => socket.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const makeStore = async () => {
  const store = await createRedisStore({ target, prefix: randomUUID().slice(0, 8) });
  return { store, close: () => store.close() };
};
storeContract('the store in a Redis cluster', makeStore);
lessonsContract('what the store in a Redis cluster remembers for other incidents', makeStore);

wakeupsContract('wake-ups by BullMQ on a Redis cluster', async () =>
  createBullWakeups({ connect: (purpose) => target.connect(purpose), prefix: randomUUID().slice(0, 8) }),
);

it('refuses to promise replicas there', async () => {
  await expect(createRedisStore({ target, waitReplicas: 1 })).rejects.toThrow(/min-replicas-to-write/);
});
