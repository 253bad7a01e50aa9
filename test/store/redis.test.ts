import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { confirmContract } from '../contracts/confirm.ts';
import { lessonsContract } from '../contracts/lessons.ts';
import { type StoreSide, storeContract } from '../contracts/store.ts';
import { startRedis, type TestServer } from './redis-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());

const makeStore = async (): Promise<StoreSide> => {
  const prefix = randomUUID().slice(0, 8);
  const options = { target: server.target, prefix };
  const [store, other] = await Promise.all([createRedisStore(options), createRedisStore(options)]);
  return {
    store,
    other,
    tamper: async (incident, seq, change) => {
      const client = server.target.connect('blocking');
      const key = `{${prefix}}:journal:${incident}`;
      const entries = await client.xrange(key, '-', '+');
      await client.del(key);
      for (const [id, [, text = '']] of entries) {
        await client.xadd(key, id, 'e', id === `${seq}-0` ? change(text) : text);
      }
      client.disconnect();
    },
    close: async () => {
      await Promise.all([store.close(), other.close()]);
    },
  };
};
storeContract('the store in Redis', makeStore);
lessonsContract('what the store in Redis remembers for other incidents', makeStore);
confirmContract('the store in Redis, before a command', makeStore);
