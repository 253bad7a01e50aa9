import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { get, post, type Running, Site, until } from '../support/processes.ts';

/**
 * The whole thing from outside: a lab as a process of its own at six hundred times the speed of time, a real Redis with
 * its append-only file, the built daemon. What counts is the lab's command log.
 */
interface Incident {
  id: string;
  server: string;
  state: string;
  phase: string;
  outcome?: string;
  reason?: string;
  left: string[];
  owed: string[];
  waiting?: { for: string };
  alerts: { senderId: string }[];
}
interface Command {
  seq: number;
  server: string;
  command: string;
  arguments: Record<string, unknown>;
  effect: string;
  caller: string;
}

let site: Site;
let lab: Running;
let daemon: Running;
let serial = 0;

const changes = async () =>
  (await get<Command[]>(`${lab.url}/lab/v1/commands`))
    .filter((command) => command.effect === 'changed')
    .map(({ server, command, arguments: args }) => {
      const what = args.Name ?? args.DatabaseCopyActivationDisabledAndMoveNow ?? args.ProtocolLogEnabled ?? '';
      return `${server} ${command} ${what}`.trim();
    });

async function alert(server: string, healthSet: string, monitor: string): Promise<void> {
  serial += 1;
  const answer = await post(`${daemon.url}/api/v1/alerts/generic`, {
    id: lastAlert(),
    server,
    healthSet,
    monitor,
    status: 'firing',
  });
  expect(answer.status).toBe(202);
}

const incidents = async (query = '') =>
  (await get<{ incidents: Incident[] }>(`${daemon.url}/api/v1/incidents${query}`)).incidents;

/** Every incident is over, and there is one of this test's own alert. */
const allOver = (ms: number) =>
  until(
    () => incidents('?limit=500'),
    (list) =>
      list.some((incident) => incident.alerts.some((one) => one.senderId === lastAlert())) &&
      list.every((incident) => incident.state === 'finished'),
    ms,
  );
const lastAlert = () => `outside-${process.pid}-${serial}`;

describe('from outside, on the lab at speed 600', () => {
  beforeAll(async () => {
    site = await Site.open();
    const redis = await site.redis();
    lab = await site.lab(600);
    daemon = await site.daemon({ REDIS_URL: redis.address, SECOND_RESPONDER_EXCHANGE_URL: lab.url });
  });
  afterAll(() => site.close());
  afterEach(() => post(`${lab.url}/lab/v1/reset`, {}));

  const drained = (server: string) => [
    `${server} Restart-Service MSExchangeIMAP4BE`,
    `${server} Set-MailboxServer true`,
    `${server} Restart-Computer`,
  ];

  test.each([
    {
      says: 'deep and self test, cured by the restart',
      fault: { fault: 'imap-backend-hang', server: 'mbx1' },
      alert: ['mbx1', 'IMAP.Protocol', 'ImapSelfTestMonitor'],
      expected: ['mbx1 Restart-Service MSExchangeIMAP4BE'],
      outcome: 'recovered',
    },
    {
      says: 'deep and self test, cured by moving the databases',
      fault: { fault: 'imap-store-stuck', server: 'mbx2' },
      alert: ['mbx2', 'IMAP.Protocol', 'ImapDeepTestMonitor'],
      // Moving cures it; whether the reboot has begun when that is seen is a matter of moments at this speed.
      expected: [
        'mbx2 Restart-Service MSExchangeIMAP4BE',
        'mbx2 Set-MailboxServer true',
        'mbx2 Set-MailboxServer false',
      ],
      either: 'mbx2 Restart-Computer',
      outcome: 'recovered',
    },
    {
      says: 'deep and self test, cured by the reboot',
      fault: { fault: 'imap-backend-wedged', server: 'ex2' },
      alert: ['ex2', 'IMAP.Protocol', 'ImapSelfTestMonitor'],
      expected: [...drained('ex2'), 'ex2 Set-MailboxServer false'],
      outcome: 'recovered',
    },
    {
      says: 'proxy test, cured by the reboot',
      fault: { fault: 'imap-proxy-wedged', server: 'cas1' },
      alert: ['cas1', 'IMAP.Proxy', 'ImapProxyTestMonitor'],
      expected: ['cas1 Restart-Service MSExchangeIMAP4', 'cas1 Restart-Computer'],
      outcome: 'recovered',
    },
    {
      says: 'customer touch point, the mailbox server behind it rebooted',
      fault: { fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' },
      alert: ['cas1', 'IMAP', 'ImapCTPMonitor'],
      expected: [
        'mbx2 Restart-Service MSExchangeIMAP4BE',
        'cas1 Set-ImapSettings true',
        'mbx2 Restart-Service MSExchangeIMAP4BE',
        ...drained('mbx2'),
        'mbx2 Set-MailboxServer false',
        'cas1 Set-ImapSettings false',
        'cas1 Restart-Service MSExchangeIMAP4',
      ],
      outcome: 'recovered',
    },
    {
      says: 'load that comes back after the restart',
      fault: { fault: 'imap-slow-relapse', server: 'mbx1' },
      alert: ['mbx1', 'IMAP', 'AverageCommandProcessingTimeGt60sMonitor'],
      expected: [...drained('mbx1'), 'mbx1 Set-MailboxServer false'],
      outcome: 'recovered',
    },
    {
      says: 'a single-copy server is not rebooted',
      fault: { fault: 'imap-backend-wedged', server: 'mbx9' },
      alert: ['mbx9', 'IMAP.Protocol', 'ImapSelfTestMonitor'],
      expected: ['mbx9 Restart-Service MSExchangeIMAP4BE'],
      outcome: 'escalated',
    },
  ])('$says', async ({ fault, alert: [server = '', healthSet = '', monitor = ''], expected, either, outcome }) => {
    expect((await post(`${lab.url}/lab/v1/faults`, fault)).status).toBeLessThan(300);
    await alert(server, healthSet, monitor);
    const over = await allOver(90_000);
    expect((await changes()).filter((change) => change !== either)).toEqual(expected);
    const [latest] = over.filter((incident) => incident.server === server);
    expect(latest).toMatchObject({ outcome, owed: [] });
  });

  test('a monitor that a notification set long ago is believed, and has recovered when the next one says so', async () => {
    const monitor = { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };
    await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-slow', server: 'cas1' });
    const row = { fault: 'row', server: 'cas1', ...monitor, every: '0s', age: '9d' };
    expect((await post(`${lab.url}/lab/v1/faults`, row)).status).toBeLessThan(300);
    await alert('cas1', monitor.healthSet, monitor.monitor);
    const over = await allOver(90_000);
    expect(await changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4']);
    expect(over.find(({ server }) => server === 'cas1')).toMatchObject({ outcome: 'recovered', owed: [] });
  });

  test('an alert that names no health set is not called over because the rest is healthy', async () => {
    serial += 1;
    const title = 'The FIP-FS Scan Process failed initialization. Error: 0x80010105';
    const sent = { Id: lastAlert(), Name: title, NetbiosComputerName: 'MBX2', ResolutionState: 0 };
    expect((await post(`${daemon.url}/api/v1/alerts/scom`, sent)).status).toBe(202);
    const over = await allOver(90_000);
    expect(over.find(({ alerts }) => alerts.some(({ senderId }) => senderId === lastAlert()))).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringMatching(
        /^The alert "The FIP-FS Scan .*" names no health set, so the report was not verified\. Everything that was verified on mbx2 is healthy \(\d+ of \d+ monitors judged, \d+ probes run; /,
      ),
    });
    expect(await changes()).toEqual([]);
  });

  test('the kill switch in the middle of a run stops it, and off lets it go on where it was', async () => {
    await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
    await alert('mbx1', 'IMAP.Protocol', 'ImapSelfTestMonitor');
    await until(changes, (list) => list.length >= 1, 60_000);
    await post(`${daemon.url}/api/v1/kill-switch`, { on: true, by: 'test', reason: 'trying it' }, 'PUT');
    const [held] = await until(
      () => incidents('?state=open'),
      (list) => list[0]?.waiting?.for === 'kill-switch',
      60_000,
    );
    const before = await changes();
    expect(held?.state).toBe('open');
    const labTime = async () => (await get<{ now: number }>(`${lab.url}/lab/v1/clock`)).now;
    const later = (await labTime()) + 20 * 60_000;
    await until(labTime, (now) => now > later, 60_000);
    expect(await changes()).toEqual(before);
    await post(`${daemon.url}/api/v1/kill-switch`, { on: false, by: 'test', reason: 'go on' }, 'PUT');
    await allOver(90_000);
    expect(await changes()).toEqual([...drained('mbx1'), 'mbx1 Set-MailboxServer false']);
  });
});

describe('from outside, on a recorded server whose ImapProxy is out of service', () => {
  const RECORDED = 'test/fixtures/recordings/component-stopped-by-design.json';

  async function begin(recording: string): Promise<void> {
    const redis = await site.redis();
    lab = await site.lab(600, ['--recording', recording]);
    daemon = await site.daemon({ REDIS_URL: redis.address, SECOND_RESPONDER_EXCHANGE_URL: lab.url });
  }
  beforeEach(async () => {
    site = await Site.open();
  });
  afterEach(() => site.close());

  test('by Managed Availability: what was stopped by design is not waited for after the reboot', async () => {
    await begin(RECORDED);
    await alert('ex1', 'IMAP.Proxy', 'ImapProxyTestMonitor');
    const [over] = await allOver(90_000);
    expect(await changes()).toEqual(['ex1 Set-MailboxServer true', 'ex1 Restart-Computer']);
    expect(over).toMatchObject({ outcome: 'escalated', reason: expect.stringContaining('Still unhealthy') });
  });

  test('by an administrator, with its service running: nothing is changed, and the reason is named', async () => {
    const recording = JSON.parse(await readFile(RECORDED, 'utf8'));
    const [{ services, componentStates }] = recording.servers;
    const named = (rows: Record<string, unknown>[], key: string, name: string) =>
      rows.find((row) => row[key] === name) as Record<string, unknown>;
    const proxy = named(componentStates.value, 'component', 'ImapProxy');
    proxy.requesters = [{ requester: 'Maintenance', state: 'Inactive' }];
    Object.assign(named(services.value, 'name', 'MSExchangeIMAP4'), {
      status: 'Running',
      startedAt: '2026-11-18T20:40:33.211Z',
    });
    const file = join(site.directory, 'recording.json');
    await writeFile(file, JSON.stringify(recording));
    await begin(file);
    await alert('ex1', 'IMAP.Proxy', 'ImapProxyTestMonitor');
    const [over] = await allOver(90_000);
    expect(await changes()).toEqual([]);
    expect(over).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('ImapProxy is Inactive on ex1, requested by Maintenance'),
    });
  });
});
