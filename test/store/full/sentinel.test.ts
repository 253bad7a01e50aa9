/** A master with two replicas, watched by three sentinels, dies: real servers, on loopback. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createBullWakeups } from '../../../src/adapters/bullmq/wakeups.ts';
import { type RedisTarget, redisTarget } from '../../../src/adapters/redis/connect.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/redis/store.ts';
import { verifyChain } from '../../../src/incident/chain.ts';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import { type Head, NotCopied, Stale } from '../../../src/ports/journal.ts';
import { anAlert } from '../../contracts/store.ts';
import { journalOf } from '../../support/journal.ts';
import { type RedisServer, Site, until } from '../../support/processes.ts';

const MINUTE = 60_000;
/** Half a second until the master is found down, and an election; on a busy machine more than one. */
const FAILOVER = 30_000;
vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let site: Site;
let master: RedisServer;
let replicas: RedisServer[];
let target: RedisTarget;
let store: RedisStore;
let closing: (() => Promise<unknown>)[];
beforeEach(async () => {
  site = await Site.open();
  master = await site.redis();
  replicas = await Promise.all([site.replica(master.port), site.replica(master.port)]);
  target = redisTarget(await site.sentinels(master, 2));
  store = await createRedisStore({ target, waitReplicas: 1 });
  closing = [() => site.close(), () => store.close()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function open(): Promise<Head> {
  const opening = { key: 'i', server: 'mbx1', family: 'IMAP' };
  const event = { type: 'opened' as const, data: { id: 'i', server: 'mbx1', family: 'IMAP' } };
  const opened = await store.append('i', { seq: 0, hash: '' }, event, { at: 1, worker: 'w', opening });
  if (!opened.ok) throw new Error('the incident was not opened');
  return opened.head;
}
const slept: IncidentEvent = { type: 'slept', data: { until: 9, for: 'look', says: 'waits' } };
const sleep = async (head: Head) => {
  const result = await store.append('i', head, slept, { at: 2, worker: 'w' });
  if (!result.ok) throw new Error(JSON.stringify(result));
  return result.head;
};
/** Answered again, by whoever is the master now. */
const accepts = (id: string) =>
  until(() => store.accept([anAlert(id)], MINUTE).then(Boolean, () => false), Boolean, FAILOVER);

it('a master is killed while alerts come and journals grow: nothing that was answered for is lost', async () => {
  const accepted: string[] = [];
  const confirmed: Head[] = [];
  let over = false;
  async function post(sender: number): Promise<void> {
    for (let n = 0; !over; n += 1) {
      const id = `a${sender}-${n}`;
      await store.accept([anAlert(id)], MINUTE).then(
        () => accepted.push(id),
        () => new Promise((resolve) => setTimeout(resolve, 20)),
      );
    }
  }
  async function journal(): Promise<void> {
    await open();
    while (!over) {
      try {
        const head = (await journalOf(store, 'i'))?.head as Head;
        const next = await sleep(head);
        if (await store.confirm('i', next)) confirmed.push(next);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
  const heard: string[] = [];
  const wakeups = createBullWakeups({ connect: (purpose) => target.connect(purpose) });
  closing.push(() => wakeups.close(100));
  const hear = async (id: string) => void heard.push(id);
  await wakeups.work({ alert: hear, incident: hear }, { alerts: 1, incidents: 1 });

  const busy = [post(1), post(2), post(3), journal()];
  await until(
    async () => [accepted.length, confirmed.length],
    ([a = 0, c = 0]) => a > 300 && c > 100,
    FAILOVER,
  );
  await master.kill('SIGKILL');
  const before = { accepted: accepted.length, confirmed: confirmed.length };
  await until(
    async () => [accepted.length, confirmed.length],
    ([a = 0, c = 0]) => a > before.accepted + 100 && c > before.confirmed + 30,
    FAILOVER,
  );
  over = true;
  await Promise.all(busy);

  const pending = new Set(await store.pendingAlerts(Date.now(), 100_000));
  expect(accepted.filter((id) => !pending.has(id))).toEqual([]);
  const kept = await journalOf(store, 'i');
  expect(verifyChain(kept!.entries, kept!.head)).toMatchObject({ ok: true });
  // Each confirmed entry stands where it stood: the entry after it names it.
  const named = new Set([...kept!.entries.map((entry) => entry.previous), kept!.head.hash]);
  expect(confirmed.filter(({ hash }) => !named.has(hash))).toEqual([]);
  await until(
    () => wakeups.incident('woken').then(() => heard),
    (ids) => ids.includes('woken'),
    FAILOVER,
  );
});

it('a master stands still, and its connections stay: the sentinels say where to go on', async () => {
  await open();
  expect(await accepts('a')).toBe(true);
  process.kill(master.pid, 'SIGSTOP');
  await accepts('b');
  process.kill(master.pid, 'SIGCONT');
  await accepts('c');
  expect((await store.pendingAlerts(Date.now(), 10)).sort()).toEqual(['a', 'b', 'c']);
});

it('what no replica had is forgotten, and nobody has acted on it', async () => {
  const kept = await open();
  const lease = await store.lease('i', 'w', MINUTE);
  expect(await store.confirm('i', kept, lease?.token)).toBe(true);
  for (const { pid } of replicas) process.kill(pid, 'SIGSTOP');
  // Else what is on the line reaches them when they go on.
  const client = redisTarget(master.address).connect('question');
  await client.client('KILL', 'TYPE', 'REPLICA');
  client.disconnect();
  const forgotten = await sleep(kept);
  await expect(store.confirm('i', forgotten, lease?.token)).rejects.toThrow(NotCopied);
  await expect(store.accept([anAlert('x')], MINUTE)).rejects.toThrow(NotCopied);
  await master.kill('SIGKILL');
  for (const { pid } of replicas) process.kill(pid, 'SIGCONT');
  await accepts('y');
  await expect(store.confirm('i', forgotten, lease?.token)).rejects.toThrow(Stale);
  expect(await store.confirm('i', kept, lease?.token)).toBe(true);
  expect(await store.pendingAlerts(Date.now(), 10)).toEqual(['y']);
});
