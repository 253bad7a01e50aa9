import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createRedisStore, type RedisStore } from '../../src/adapters/redis/store.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
let store: RedisStore;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
});

const HOUR = 3_600_000;

test.each([
  { says: 'an hour fast', ahead: HOUR },
  { says: 'an hour slow', ahead: -HOUR },
])('on a machine whose clock is $says, the time is that of Redis', async ({ ahead }) => {
  const { now } = Date;
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead);
  store = await createRedisStore({ target: server.target });
  // An answer that was slow to come does not count: it is asked again.
  await expect.poll(() => Math.abs(store.now() - now())).toBeLessThan(1_000);
});

test('a clock that is set while it runs does not set the time', async () => {
  const { now } = Date;
  store = await createRedisStore({ target: server.target });
  vi.spyOn(Date, 'now').mockImplementation(() => now() - HOUR);
  await expect.poll(() => Math.abs(store.now() - now())).toBeLessThan(1_000);
});
