import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

/** The lab as its own process keeps the world while daemons are killed; what counts is its log. */
interface Command {
  server: string;
  command: string;
  arguments: Record<string, unknown>;
  effect: string;
  caller: string;
}
interface Incident {
  id: string;
  state: string;
  phase: string;
  outcome?: string;
  openedAt: string;
  finishedAt?: string;
}

let site: Site;
let lab: Running;
let env: Record<string, string>;

beforeEach(async () => {
  site = await Site.open();
});
afterEach(() => site.close());

async function begin(speed: number): Promise<void> {
  const redis = await site.redis();
  lab = await site.lab(speed);
  env = { REDIS_URL: redis.address, SECOND_RESPONDER_EXCHANGE_URL: lab.url };
}

const changed = async () =>
  (await get<Command[]>(`${lab.url}/lab/v1/commands`)).filter((command) => command.effect === 'changed');
const incidents = async (url: string) => (await get<{ incidents: Incident[] }>(`${url}/api/v1/incidents`)).incidents;
const over = (url: string, ms: number) =>
  until(
    () => incidents(url),
    (list) => list.length > 0 && list.every((one) => one.state === 'finished'),
    ms,
  );

const alert = (url: string, server: string, healthSet: string, monitor: string) =>
  post(`${url}/api/v1/alerts/generic`, { id: `${server}-${monitor}`, server, healthSet, monitor, status: 'firing' });

const WEDGED = [
  'mbx1 Restart-Service MSExchangeIMAP4BE',
  'mbx1 Set-MailboxServer true',
  'mbx1 Restart-Computer',
  'mbx1 Set-MailboxServer false',
];
const told = ({ server, command, arguments: args }: Command) =>
  `${server} ${command} ${args.Name ?? args.DatabaseCopyActivationDisabledAndMoveNow ?? ''}`.trim();

describe('killed with SIGKILL', () => {
  // After so many changing commands have reached the organisation.
  test.each([1, 2, 3])('after changing command %i: another takes over, and nothing happens twice', async (count) => {
    await begin(300);
    await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
    const first = await site.daemon(env);
    await alert(first.url, 'mbx1', 'IMAP.Protocol', 'ImapSelfTestMonitor');
    await until(changed, (list) => list.length >= count, 60_000);
    await first.kill('SIGKILL');
    const second = await site.daemon(env);
    await over(second.url, 120_000);
    expect((await changed()).map(told)).toEqual(WEDGED);
    expect((await incidents(second.url))[0]).toMatchObject({ outcome: 'recovered' });
    const [incident] = await incidents(second.url);
    expect(await get(`${second.url}/api/v1/incidents/${incident?.id}/verify`)).toMatchObject({ ok: true });
  });
});

describe('two daemons on one store', () => {
  test('one killed in the middle, the other goes on', async () => {
    await begin(150);
    await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
    const receiver = await site.daemon(env, ['--no-work']);
    const first = await site.daemon(env, ['--no-receive']);
    await alert(receiver.url, 'mbx1', 'IMAP.Protocol', 'ImapSelfTestMonitor');
    await until(changed, (list) => list.length >= 1, 60_000);
    const second = await site.daemon(env, ['--no-receive']);
    await first.kill('SIGKILL');
    await over(receiver.url, 120_000);
    expect((await changed()).map(told)).toEqual(WEDGED);
    await until(
      async () => second.output(),
      (output) => output.includes('recovered'),
      60_000,
    );
  });
});

describe('at the speed of time', () => {
  test('a trouble that has passed ends transient, with no change', async () => {
    await begin(1);
    await post(`${lab.url}/lab/v1/faults`, { fault: 'transient', server: 'mbx1', for: '10m' });
    const daemon = await site.daemon(env);
    await alert(daemon.url, 'mbx1', 'IMAP.Protocol', 'ImapSelfTestMonitor');
    const [incident] = await over(daemon.url, 60_000);
    expect(incident).toMatchObject({ outcome: 'transient' });
    expect(await changed()).toEqual([]);
  });

  test('SIGTERM in the middle of a run: it stops, and the next daemon goes on', async () => {
    await begin(150);
    await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
    const first = await site.daemon(env);
    await alert(first.url, 'mbx1', 'IMAP.Protocol', 'ImapSelfTestMonitor');
    await until(changed, (list) => list.length >= 2, 60_000);
    await first.kill('SIGTERM');
    const second = await site.daemon(env);
    await over(second.url, 120_000);
    expect((await changed()).map(told)).toEqual(WEDGED);
  });
});
