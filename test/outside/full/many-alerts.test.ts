import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

/** Many alerts about one sick server, from outside: the built daemon, a real Redis, a lab as a process of its own. */
interface Command {
  seq: number;
  command: string;
  effect: string;
}
interface Incident {
  id: string;
  state: string;
  outcome?: string;
  waiting?: { for: string };
  alerts: { senderId: string; description?: string }[];
  alertCount: number;
}

const SERVER = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
/** At the lab's speed, each question takes half a second. */
const SPEED = 60;
const SLOW = ['Get-ServerHealth', 'Invoke-MonitoringProbe', 'Get-ServerComponentState', 'Get-Service'];

let site: Site;
let lab: Running;
let daemon: Running;
let serial = 0;

beforeAll(async () => {
  site = await Site.open();
  const redis = await site.redis();
  lab = await site.lab(SPEED);
  daemon = await site.daemon({ REDIS_URL: redis.address, SECOND_RESPONDER_EXCHANGE_URL: lab.url });
}, 120_000);
afterAll(() => site.close());
beforeEach(async () => {
  await post(`${lab.url}/lab/v1/reset`, {});
});

const breaks = (fault: Record<string, unknown>) => post(`${lab.url}/lab/v1/faults`, fault);
const killSwitch = (on: boolean) =>
  post(`${daemon.url}/api/v1/kill-switch`, { on, by: 'test', reason: 'a test' }, 'PUT');
const incident = async (id: string) => get<Incident>(`${daemon.url}/api/v1/incidents/${id}`);
const open = async () => {
  const { incidents } = await get<{ incidents: Incident[] }>(`${daemon.url}/api/v1/incidents?state=open`);
  return incidents;
};

async function send(count: number, more: Record<string, unknown> = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => {
    serial += 1;
    return `many-${process.pid}-${serial}`;
  });
  const body = ids.map((id) => ({ id, ...SERVER, status: 'firing', ...more }));
  const answer = await post(`${daemon.url}/api/v1/alerts/generic`, body);
  expect(answer).toMatchObject({ status: 202, body: { accepted: count } });
  return ids;
}

/** How many commands reached the organisation before the first that changed it, while alerts come at that pace. */
async function questionsBeforeChange(everyMs?: number): Promise<number> {
  await breaks({ fault: 'imap-backend-hang', server: 'mbx1' });
  for (const command of SLOW) expect((await breaks({ fault: 'slow', command, by: '30s' })).status).toBeLessThan(300);
  const over = new AbortController();
  await send(1);
  const sending = (async () => {
    while (everyMs !== undefined && !over.signal.aborted) {
      await pause(everyMs, undefined, { signal: over.signal }).catch(() => {});
      if (!over.signal.aborted) await send(1);
    }
  })();
  try {
    const log = await until(
      () => get<Command[]>(`${lab.url}/lab/v1/commands`),
      (commands) => commands.some(({ effect }) => effect === 'changed'),
      120_000,
    );
    return log.findIndex(({ effect }) => effect === 'changed');
  } finally {
    over.abort();
    await sending;
    await until(open, (incidents) => incidents.length === 0, 120_000);
  }
}

test('a sender that goes on posting does not keep it from acting: it asks no more than alone', async () => {
  const alone = await questionsBeforeChange();
  for (const pace of [500, 4_000]) {
    await post(`${lab.url}/lab/v1/reset`, {});
    // Alerts may come in time for another look before the change, but not for one after the other.
    expect(await questionsBeforeChange(pace)).toBeLessThanOrEqual(2 * alone);
  }
}, 400_000);

test('thousands of long alerts of one incident are counted, its journal stays short, and it goes on', async () => {
  await killSwitch(true);
  await breaks({ fault: 'imap-backend-hang', server: 'mbx1' });
  const [first] = await send(1);
  const [{ id } = { id: '' }] = await until(open, (list) => list[0]?.waiting?.for === 'kill-switch', 60_000);
  for (let request = 0; request < 10; request += 1) await send(60, { description: 'x'.repeat(15_000) });
  await send(5_000);
  const [last] = await send(1);
  const total = 1 + 600 + 5_000 + 1;
  const shown = await until(
    () => incident(id),
    ({ alertCount }) => alertCount === total,
    120_000,
  );
  expect(shown.alerts.length).toBeLessThan(100);
  expect([shown.alerts[0]?.senderId, shown.alerts.at(-1)?.senderId]).toEqual([first, last]);
  const journal = await (await fetch(`${daemon.url}/api/v1/incidents/${id}/journal`)).text();
  expect(JSON.parse(journal).length).toBeLessThan(100);
  expect(journal.length).toBeLessThan(500_000);
  await killSwitch(false);
  const finished = await until(
    () => incident(id),
    ({ state }) => state === 'finished',
    120_000,
  );
  expect(finished).toMatchObject({ outcome: 'recovered', alertCount: total });
}, 400_000);
