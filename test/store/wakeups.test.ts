import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { createBullWakeups } from '../../src/adapters/bullmq/wakeups.ts';
import { wakeupsContract } from '../contracts/wakeups.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startRedis('--maxmemory-policy', 'noeviction');
});
afterAll(() => server?.stop());

wakeupsContract('wake-ups by BullMQ', async () =>
  createBullWakeups({ connect: (purpose) => server.target.connect(purpose), prefix: randomUUID().slice(0, 8) }),
);
