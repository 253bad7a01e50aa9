/** What a store loses in the midst of a recovery, and a store that refuses its work: found out, said, and nothing is done meanwhile. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Readiness } from '../../../src/ports/operations.ts';
import { get, post, type RedisServer, type Running, Site, until } from '../../support/processes.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

interface Command {
  server: string;
  command: string;
  effect: string;
}
interface Told {
  key: string;
  subject: string;
  text: string;
}

let site: Site;
let redis: RedisServer;
let client: Redis;
let hook: Server;
let told: Told[];
beforeEach(async () => {
  site = await Site.open();
  redis = await site.redis();
  client = new Redis(redis.address);
  client.on('error', () => {}); // it is killed on purpose
  told = [];
  hook = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push(JSON.parse(body));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(hook, 'listening');
});
afterEach(async () => {
  client.disconnect();
  hook.close();
  await site.close();
});

const daemonAt = (more: Record<string, string> = {}) =>
  site.daemon({
    REDIS_URL: redis.address,
    SECOND_RESPONDER_NOTIFY: JSON.stringify([
      { channel: 'webhook', url: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/` },
    ]),
    ...more,
  });
const readiness = async ({ url }: Running) => {
  const answer = await fetch(`${url}/readyz`);
  return { status: answer.status, ...((await answer.json()) as Readiness) };
};
const alert = (url: string, id: string, server: string) =>
  fetch(`${url}/api/v1/alerts/generic`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id, server, healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', status: 'firing' }),
  });
const metric = async ({ url }: Running, name: string) =>
  (await (await fetch(`${url}/metrics`)).text())
    .split('\n')
    .find((line) => line.startsWith(`second_responder_${name} `))
    ?.split(' ')[1];

/** Some daemons, and mbx1 drained by one of them. */
async function drained(count: number): Promise<{ lab: Running; daemons: Running[]; changes(): Promise<Command[]> }> {
  const lab = await site.lab(200);
  const at = { SECOND_RESPONDER_EXCHANGE_URL: lab.url };
  const daemons = await Promise.all(Array.from({ length: count }, () => daemonAt(at)));
  const changes = async () =>
    (await get<Command[]>(`${lab.url}/lab/v1/commands`)).filter(({ effect }) => effect === 'changed');
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
  expect((await alert(daemons[0]?.url ?? '', 'wedged', 'mbx1')).status).toBe(202);
  await until(changes, (list) => list.some(({ command }) => command === 'Set-MailboxServer'), 60_000);
  return { lab, daemons, changes };
}

/** It says so, and goes on saying it. */
const says = (daemon: Running, words: RegExp) =>
  until(
    () => readiness(daemon),
    ({ status, parts }) => status === 503 && words.test(parts.find(({ part }) => part === 'store')?.says ?? ''),
    30_000,
  );
const isReady = (daemon: Running) =>
  until(
    () => readiness(daemon),
    ({ status }) => status === 200,
    30_000,
  );

test('Redis is flushed while a server is drained: both daemons stop, name the server and wait for a person', async () => {
  const { lab, daemons, changes } = await drained(2);
  const [first, second] = daemons as [Running, Running];
  await client.flushall();
  for (const daemon of daemons) await says(daemon, /The store was emptied.*kill-switch off/);
  // The daemon that drained the server names it; the other one looked at the store up to a second before the drain.
  await Promise.any(daemons.map((daemon) => says(daemon, /The store was emptied.*kill-switch off.*mbx1: /)));
  const before = (await changes()).length;
  await until(
    async () => told,
    (list) => list.length >= 2,
    10_000,
  );
  for (const one of told) expect(one).toMatchObject({ subject: expect.stringMatching(/emptied/) });
  expect(told.map(({ text }) => text).join()).toMatch(/mbx1: activation of databases on mbx1 is blocked/);
  for (const daemon of daemons) {
    expect(daemon.output()).toMatch(/"level":"error","message":"The store was emptied/);
    expect([await metric(daemon, 'store_losses_total{what="emptied"}'), await metric(daemon, 'store_lost')]).toEqual([
      '1',
      '1',
    ]);
  }

  // What comes now is stored and looked at; nothing is changed for it, on whatever server.
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-hang', server: 'mbx3' });
  expect((await alert(second.url, 'after', 'mbx3')).status).toBe(202);
  await until(
    () => get<{ incidents: { server: string; waiting?: { for: string } }[] }>(`${first.url}/api/v1/incidents`),
    ({ incidents }) => incidents.some(({ server, waiting }) => server === 'mbx3' && waiting?.for === 'kill-switch'),
    30_000,
  );
  expect((await changes()).length).toBe(before);

  // A daemon that is started now says it, too, until a person has looked.
  await second.kill('SIGKILL');
  const restarted = await daemonAt({ SECOND_RESPONDER_EXCHANGE_URL: lab.url });
  await says(restarted, /The store was emptied.*mbx1: /);
  await post(
    `${restarted.url}/api/v1/kill-switch`,
    { on: false, by: 'yuki', reason: 'mbx1 is allowed again by hand' },
    'PUT',
  );
  for (const daemon of [first, restarted]) await isReady(daemon);
  await until(changes, (list) => list.some(({ server }) => server === 'mbx3'), 30_000);
  expect(told.length).toBe(2);
});

test('a Redis that comes back empty, or as another store, is not taken for the one that was there', async () => {
  const { daemons, changes } = await drained(1);
  await redis.kill('SIGKILL');
  await rm(join(site.directory, 'appendonlydir'), { recursive: true });
  redis = await site.redis(redis.port);
  for (const daemon of daemons) await says(daemon, /The store was emptied.*mbx1: /);
  const before = (await changes()).length;

  await client.hset('{sr}:store', 'id', 'of-others', 'before', '');
  for (const daemon of daemons) {
    await says(daemon, /The store at this address is not the one/);
    const refused = await alert(daemon.url, 'refused', 'mbx2');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  }
  expect((await changes()).length).toBe(before);
});

test('the journal of a drained server’s incident is deleted: it is said, and nothing more is done', async () => {
  const { daemons, changes } = await drained(1);
  const [id = ''] = await client.zrange('{sr}:open', '0', '-1');
  await client.del(`{sr}:journal:${id}`);
  for (const daemon of daemons) await says(daemon, /journal of an open incident is gone.*mbx1: /);
  const before = (await changes()).length;
  await until(
    async () => told,
    (list) => list.some(({ text }) => /mbx1/.test(text)),
    10_000,
  );
  expect((await changes()).length).toBe(before);
});

test('a Redis that refuses to write is said by /readyz and the metrics, and alerts are to come again, until it writes', async () => {
  const lost = await daemonAt();
  await isReady(lost);
  const refusals = [
    ['maxmemory', '1', /refuses \w+: OOM .*CONFIG SET maxmemory/],
    ['min-replicas-to-write', '1', /refuses \w+: NOREPLICAS/],
  ] as const;
  for (const [setting, value, words] of refusals) {
    await client.config('SET', setting, value);
    await says(lost, words);
    const refused = await alert(lost.url, `during ${setting}`, 'mbx1');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await metric(lost, 'store_up')).toBe('0');
    await client.config('SET', setting, '0');
    await isReady(lost);
    expect((await alert(lost.url, `during ${setting}`, 'mbx1')).status).toBe(202);
    expect(await metric(lost, 'store_up')).toBe('1');
  }
  await client.script('FLUSH');
  expect((await alert(lost.url, 'without scripts', 'mbx1')).status).toBe(202);
  await isReady(lost);
  expect([told, await metric(lost, 'store_losses_total{what="emptied"}')]).toEqual([[], '0']);
});
