/** What real senders post, to a daemon that was built: Alertmanager itself, and cases from the field. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get, post, type Running, Site, until } from '../support/processes.ts';

let site: Site;
beforeAll(async () => {
  site = await Site.open();
});
afterAll(() => site.close());

const counted = async (daemon: Running, result: string) => {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  const line = new RegExp(`alerts_received_total\\{source="alertmanager",result="${result}"\\} (\\d+)`).exec(text);
  return Number(line?.[1]);
};

describe('Alertmanager', () => {
  const TOKEN = 'a-token-for-a-test-only';
  const GROUP = 2_000;
  const PER_MINUTE = 2_400;
  let daemon: Running;
  let sender: Running;
  const fire = async (batch: string, count: number) => {
    const alerts = Array.from({ length: count }, (_, n) => ({
      labels: {
        alertname: 'ExchangeHealthSet',
        batch,
        instance: `srv${n}.contoso.com:9182`,
        health_set: 'IMAP.Protocol',
      },
      annotations: { summary: 'IMAP.Protocol is unhealthy', description: 'The IMAP self test fails. '.repeat(20) },
    }));
    expect((await post(`${sender.url}/api/v2/alerts`, alerts)).status).toBe(200);
  };
  const send = (body: unknown) =>
    fetch(`${daemon.url}/api/v1/alerts/alertmanager`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    });

  beforeAll(async () => {
    const file = join(site.directory, 'limits.yaml');
    writeFileSync(
      file,
      `http:\n  rate-limit: { alerts-per-minute: ${PER_MINUTE} }\n  tokens: [{ name: prometheus, role: sender, token: ${TOKEN} }]\n`,
    );
    daemon = await site.daemon({}, ['--no-work', '--config', file]);
    sender = await site.alertmanager(`
route: { receiver: sr, group_by: [batch], group_wait: 1s, group_interval: 10m, repeat_interval: 1h }
receivers:
  - name: sr
    webhook_configs:
      - url: ${daemon.url}/api/v1/alerts/alertmanager
        http_config: { authorization: { type: Bearer, credentials: ${TOKEN} } }
`);
  }, 120_000);

  it('posts a group of two thousand, larger than a megabyte, and all are taken', async () => {
    await fire('storm', GROUP);
    await until(
      () => counted(daemon, 'accepted'),
      (accepted) => accepted === GROUP,
      50_000,
    );
    expect(await counted(daemon, 'refused')).toBe(0);
  });

  it('is answered 503 where it sent too much, and comes again until it is taken', async () => {
    const drain = { alerts: Array(20).fill({ labels: { instance: 'other', health_set: 'IMAP' } }) };
    let ours = 0;
    const isRefused = async () => {
      const { status } = await send(drain);
      if (status === 503) ours += drain.alerts.length;
      return status === 503;
    };
    while (!(await isRefused()));
    await fire('late', 300);
    // The allowance fills again all the time: it is kept empty until Alertmanager was refused.
    do await isRefused();
    while ((await counted(daemon, 'failed')) - ours < 300);
    const accepted = await counted(daemon, 'accepted');
    await until(
      () => counted(daemon, 'accepted'),
      (now) => now >= accepted + 300,
      50_000,
    );
    expect(daemon.output()).toContain('sent by prometheus: 503 busy');
  });

  it('and its alert is known by the same fingerprint when that is not sent', async () => {
    type Shown = { labels: Record<string, string>; fingerprint: string; startsAt: string };
    const [shown] = await get<Shown[]>(`${sender.url}/api/v2/alerts?filter=batch%3D%22storm%22`);
    const alert = { status: 'firing', labels: shown?.labels, startsAt: shown?.startsAt, fingerprint: '' };
    const answer = await until(
      () => send({ alerts: [alert] }),
      ({ status }) => status === 202,
      30_000,
    );
    expect(await answer.json()).toMatchObject({ accepted: 0, repeats: 1 });
  });
});

describe('cases from the field', () => {
  const SERVERS = {
    '06-alertmanager-empty-fingerprint.json': 'mbx1',
    '06-generic-empty-optional.json': 'mbx2',
    '06-scom-empty-optional.json': 'mbx3',
    '07-scom-netbios-cut.json': 'mbx2',
    '07-scom-path-backslash.json': 'mbx1',
    '08-alertmanager-host-is-an-address.json': 'mbx3',
    '08-alertmanager-instance-is-an-url.json': 'ex1',
  };
  const body = (file: string) => JSON.parse(readFileSync(`test/fixtures/alerts/${file}`, 'utf8'));

  it('each becomes an incident of its server, and of no other', async () => {
    const daemon = await site.daemon({ SECOND_RESPONDER_STORE_DIRECTORY: join(site.directory, 'field') });
    const send = (source: string, alert: unknown) => post(`${daemon.url}/api/v1/alerts/${source}`, alert);
    expect(await send('scom', body('07-scom-path-of-a-class.json'))).toMatchObject({
      status: 400,
      body: { problems: [{ message: expect.stringContaining('MonitoringObjectPath is the name of a SCOM class') }] },
    });
    const group = { ...body('07-scom-path-of-a-class.json'), MonitoringObjectPath: 'Contoso.Custom.ServersGroup' };
    expect((await send('scom', group)).status).toBe(202);
    for (const file of Object.keys(SERVERS)) {
      expect([file, (await send(file.split('-')[1] ?? '', body(file))).status]).toEqual([file, 202]);
    }
    type Page = { incidents: { server: string; alerts: { senderId: string }[] }[] };
    const servers = [...new Set(Object.values(SERVERS))].sort();
    const page = await until(
      () => get<Page>(`${daemon.url}/api/v1/incidents?limit=100`),
      ({ incidents }) => incidents.flatMap(({ alerts }) => alerts).length === Object.keys(SERVERS).length,
      30_000,
    );
    expect([...new Set(page.incidents.map(({ server }) => server))].sort()).toEqual(servers);
    await until(
      async () => daemon.output(),
      (output) => output.includes('not in this organisation'),
      30_000,
    );
    const after = await get<Page>(`${daemon.url}/api/v1/incidents?limit=100`);
    expect(after.incidents).toHaveLength(page.incidents.length);
  });
});
