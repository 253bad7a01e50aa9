/** Every script is legal on a Redis Cluster: all its keys are in one slot. Three masters, and what happens when one is away. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBullWakeups } from '../../../src/adapters/bullmq/wakeups.ts';
import { type RedisTarget, redisTarget } from '../../../src/adapters/redis/connect.ts';
import { createRedisStore } from '../../../src/adapters/redis/store.ts';
import { confirmContract } from '../../contracts/confirm.ts';
import { lessonsContract } from '../../contracts/lessons.ts';
import { reindexContract } from '../../contracts/reindex.ts';
import { anAlert, storeContract } from '../../contracts/store.ts';
import { wakeupsContract } from '../../contracts/wakeups.ts';
import { type RedisCluster, Site } from '../../support/processes.ts';

vi.setConfig({ hookTimeout: 30_000 });

let site: Site;
let cluster: RedisCluster;
let target: RedisTarget;
beforeAll(async () => {
  site = await Site.open();
  cluster = await site.cluster();
  target = redisTarget(cluster.address);
});
afterAll(() => site?.close());

// Each prefix is a slot of its own, at any of the three.
const makeStore = async () => {
  const store = await createRedisStore({ target, prefix: randomUUID().slice(0, 8) });
  return { store, close: () => store.close() };
};
storeContract('the store in a Redis cluster', makeStore);
confirmContract('the store in a Redis cluster, before a command', makeStore);
lessonsContract('what the store in a Redis cluster remembers for other incidents', makeStore);
reindexContract('the indexes of the store in a Redis cluster, made anew', makeStore);

wakeupsContract('wake-ups by BullMQ on a Redis cluster', async () =>
  createBullWakeups({ connect: (purpose) => target.connect(purpose), prefix: randomUUID().slice(0, 8) }),
);

it('refuses to promise replicas there', async () => {
  await expect(createRedisStore({ target, waitReplicas: 1 })).rejects.toThrow(/min-replicas-to-write/);
});

it.each(['itself', 'a duplicate of it'])(
  'a client whose first ready check fails is connected in the end: %s',
  async (whose) => {
    const first = target.connect('blocking') as Cluster;
    const client = whose === 'itself' ? first : first.duplicate();
    await once(client, 'ready');
    client.disconnect();
    await once(client, 'end');
    // As when it asks a master that is away.
    const inside = client as unknown as { readyCheck(tell: (error: Error) => void): void };
    inside.readyCheck = (tell) => {
      Reflect.deleteProperty(inside, 'readyCheck');
      tell(new Error('Connection is closed.'));
    };
    await client.connect();
    expect(await client.exists('{sr}:open')).toBe(0);
    for (const one of [first, client]) one.disconnect();
  },
);

describe('a master that is away', () => {
  const accepts = (store: { accept: Awaited<ReturnType<typeof createRedisStore>>['accept'] }, id: string) =>
    store.accept([anAlert(id)], 60_000).then(
      () => true,
      () => false,
    );

  it('is not missed when it has other keys; when it has these, it is said, and waited for', async () => {
    const [store, other] = [
      await createRedisStore({ target, prefix: 'a' }),
      await createRedisStore({ target, prefix: 'b' }),
    ];
    const keeper = await cluster.keeperOf('{a}:open');
    expect(keeper).not.toBe(await cluster.keeperOf('{b}:open'));
    expect([await accepts(store, '1'), await accepts(other, '1')]).toEqual([true, true]);
    await keeper.kill('SIGKILL');
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(false);
    expect(await accepts(store, '2')).toBe(false);
    await expect.poll(() => accepts(other, '2'), { timeout: 30_000 }).toBe(true);
    for (let asked = 0; asked < 3; asked += 1) {
      expect([(await store.health()).up, (await other.health()).up]).toEqual([false, true]);
    }
    await cluster.restart(keeper);
    await expect.poll(async () => (await store.health()).up, { timeout: 30_000 }).toBe(true);
    expect(await accepts(store, '3')).toBe(true);
    expect((await store.pendingAlerts(Date.now(), 10)).sort()).toEqual(['1', '3']);
    await Promise.all([store.close(), other.close()]);
  });

  it('leaves no worker behind that waits for its connection for ever', { timeout: 60_000 }, async () => {
    const heard = new Set<string>();
    const hear = async (id: string) => void heard.add(id);
    const wakeups = createBullWakeups({ connect: (purpose) => target.connect(purpose), prefix: 'c' });
    await wakeups.work({ alert: hear, incident: hear }, { alerts: 1, incidents: 1 });
    await (await cluster.otherThan('{c}:')).kill('SIGKILL');
    for (const round of ['first', 'second']) {
      const keeper = await cluster.keeperOf('{c}:');
      await keeper.kill('SIGKILL');
      await pause(500);
      await cluster.restart(keeper);
      const nudged = [`alert ${round}`, `incident ${round}`] as const;
      // As the sweep does.
      const nudge = () => Promise.all([wakeups.alerts([nudged[0]]), wakeups.incident(nudged[1])]);
      await expect
        .poll(() => nudge().then(() => [...heard]), { timeout: 20_000, interval: 500 })
        .toEqual(expect.arrayContaining([...nudged]));
    }
    await wakeups.close(100);
  });
});
