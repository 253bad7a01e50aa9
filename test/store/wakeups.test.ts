import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
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

it('knows how many workers of a store are connected, of whichever daemon', async () => {
  const prefix = randomUUID().slice(0, 8);
  const of = (name: string) =>
    createBullWakeups({ connect: (purpose) => server.target.connect(purpose), prefix: name });
  const [asking, working, elsewhere] = [of(prefix), of(prefix), of('other')];
  const handlers = { alert: async () => {}, incident: async () => {} };
  await elsewhere.work(handlers, { alerts: 1, incidents: 1 });
  expect(await asking.workers()).toBe(0);
  await working.work(handlers, { alerts: 1, incidents: 5 });
  await expect.poll(() => asking.workers()).toBe(1);
  await working.close(100);
  await expect.poll(() => asking.workers()).toBe(0);
  await Promise.all([asking.close(100), elsewhere.close(100)]);
});
