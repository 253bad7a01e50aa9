/** Redis is more than one: a master dies in the midst of a run, and what counts is the lab's log. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

interface Command {
  server: string;
  command: string;
  arguments: Record<string, unknown>;
  effect: string;
}
interface Incident {
  id: string;
  state: string;
  outcome?: string;
  server: string;
  alerts: { senderId: string }[];
}

let site: Site;
let lab: Running;
beforeEach(async () => {
  site = await Site.open();
  lab = await site.lab(600);
});
afterEach(() => site.close());

const commands = () => get<Command[]>(`${lab.url}/lab/v1/commands`);
const changed = async () => (await commands()).filter(({ effect }) => effect === 'changed');
const told = ({ server, command, arguments: args }: Command) =>
  `${server} ${command} ${args.Name ?? args.DatabaseCopyActivationDisabledAndMoveNow ?? ''}`.trim();
/** The page's whole way for a trouble that only a reboot cures. */
const WEDGED = [
  'mbx1 Restart-Service MSExchangeIMAP4BE',
  'mbx1 Set-MailboxServer true',
  'mbx1 Restart-Computer',
  'mbx1 Set-MailboxServer false',
];

const daemon = (REDIS_URL: string, more: Record<string, string> = {}) =>
  site.daemon({ REDIS_URL, SECOND_RESPONDER_EXCHANGE_URL: lab.url, ...more });
const begin = async ({ url }: Running) => {
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
  expect(await alert(url, 'wedged', 'mbx1')).toMatchObject({ status: 202 });
};
const alert = (url: string, id: string, server: string) =>
  fetch(`${url}/api/v1/alerts/generic`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id, server, healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', status: 'firing' }),
  });
const ready = ({ url }: Running) => fetch(`${url}/readyz`).then(({ status }) => status);

/** Every incident is over, and each of these alerts has one. */
async function over({ url }: Running, senderIds: string[]): Promise<Incident[]> {
  const ask = async () => (await get<{ incidents: Incident[] }>(`${url}/api/v1/incidents?limit=500`)).incidents ?? [];
  const placed = (list: Incident[]) => new Set(list.flatMap(({ alerts }) => alerts.map((one) => one.senderId)));
  const isOver = (list: Incident[]) =>
    list.every(({ state }) => state === 'finished') && senderIds.every((id) => placed(list).has(id));
  return until(ask, isOver, 60_000);
}

/** The run went its way as if nothing had been; nothing was even sent twice. */
async function expectWholeRun(running: Running, list: Incident[]): Promise<void> {
  const [incident] = list.filter(({ server }) => server === 'mbx1');
  expect(incident).toMatchObject({ outcome: 'recovered' });
  expect((await changed()).map(told)).toEqual(WEDGED);
  expect((await commands()).filter(({ effect }) => effect === 'already' || effect === 'refused')).toEqual([]);
  for (const { id } of list) {
    expect(await get(`${running.url}/api/v1/incidents/${id}/verify`)).toMatchObject({ ok: true });
  }
}

test('Sentinel: the master is killed once databases were moved away', { timeout: 240_000 }, async () => {
  const master = await site.redis();
  await Promise.all([site.replica(master.port), site.replica(master.port)]);
  const address = await site.sentinels(master, 2);
  const waits = { SECOND_RESPONDER_STORE_WAIT_REPLICAS: '1' };
  const [first, second] = await Promise.all([daemon(address, waits), daemon(address, waits)]);
  await begin(first);
  await until(changed, (list) => list.length >= 2, 30_000);
  await master.kill('SIGKILL');

  const accepted = ['wedged'];
  let n = 0;
  await until(
    async () => {
      n += 1;
      const { status, headers } = await alert((n % 2 ? first : second).url, `meanwhile-${n}`, 'mbx2');
      if (status === 202) accepted.push(`meanwhile-${n}`);
      else expect([status, headers.get('retry-after')]).toEqual([503, '5']);
      return accepted.length;
    },
    (count) => count >= 4,
    // A Sentinel that stood still for two seconds does nothing for the next thirty (its TILT mode).
    90_000,
  );
  await expectWholeRun(second, await over(second, accepted));
  // A replica may still be copying, and until then too few confirm a write.
  await until(
    () => Promise.all([ready(first), ready(second)]),
    (both) => both.every((status) => status === 200),
    30_000,
  );
});

test('Cluster: a master is killed, and then the one that has the keys', { timeout: 120_000 }, async () => {
  const cluster = await site.cluster();
  const [keeper, another] = [await cluster.keeperOf('{sr}:open'), await cluster.otherThan('{sr}:open')];
  const running = await daemon(cluster.address);
  await begin(running);
  await until(changed, (list) => list.length >= 1, 30_000);
  await another.kill('SIGKILL');
  await until(changed, (list) => list.length >= 2, 30_000);
  await keeper.kill('SIGKILL');

  const { status, headers } = await alert(running.url, 'refused', 'mbx2');
  expect([status, headers.get('retry-after')]).toEqual([503, '5']);
  await until(
    () => ready(running),
    (answer) => answer === 503,
    15_000,
  );
  await cluster.restart(keeper);
  await until(
    () => ready(running),
    (answer) => answer === 200,
    15_000,
  );
  expect((await alert(running.url, 'after', 'mbx2')).status).toBe(202);
  await expectWholeRun(running, await over(running, ['wedged', 'after']));
});
