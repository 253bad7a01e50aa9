import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { countEntry, createMetrics } from '../../../src/adapters/telemetry/index.ts';
import type { Entry, IncidentEvent } from '../../../src/incident/event.ts';
import type { IncidentView } from '../../../src/incident/view.ts';
import { INCIDENT, NOW } from '../http/fake.ts';

const make = () =>
  createMetrics({
    defaultMetrics: false,
    version: '1.2.3',
    known: {
      sources: ['scom', 'generic'],
      healthSets: ['IMAP', 'IMAP.Protocol'],
      guards: [{ name: 'maintenance', reasons: ['window', 'scom'] }],
      channels: ['log'],
    },
  });

const text = async (metrics: ReturnType<typeof make>, accept?: string) => (await metrics.expose(accept)).text;

const entry = (event: IncidentEvent, at = NOW + 90_000): Entry => ({
  seq: 1,
  at,
  worker: 'w',
  version: 1,
  previous: '',
  ...event,
});

const verified = { reason: 'r', monitors: [], evidence: [], startedAt: NOW };
const intent = (command: string) => ({ command, server: 'mbx1', arguments: {}, fence: {} });
const fresh: IncidentView = (({ playbook: _, ...view }) => view)(INCIDENT);

describe('entries become counts', () => {
  it.each<[string, IncidentEvent, IncidentView, string[]]>([
    [
      'opened',
      { type: 'opened', data: { id: 'inc-1', server: 'mbx1', family: 'IMAP' } },
      INCIDENT,
      ['incidents_opened_total{health_set="IMAP.Protocol"} 1'],
    ],
    [
      'opened with a health set in other case',
      { type: 'opened', data: { id: 'i', server: 'm', family: 'IMAP' } },
      { ...INCIDENT, healthSet: 'imap.PROTOCOL' },
      ['incidents_opened_total{health_set="IMAP.Protocol"} 1'],
    ],
    [
      'opened with a made-up health set',
      { type: 'opened', data: { id: 'i', server: 'm', family: 'x' } },
      { ...INCIDENT, healthSet: 'evil"\n' },
      ['incidents_opened_total{health_set="other"} 1'],
    ],
    [
      'opened with none',
      { type: 'opened', data: { id: 'i', server: 'm', family: '*' } },
      { ...INCIDENT, healthSet: '*' },
      ['incidents_opened_total{health_set="unknown"} 1'],
    ],
    [
      'the first verdict',
      { type: 'verified', data: { ...verified, verdict: 'confirmed', purpose: 'first' } },
      fresh,
      [
        'verifications_total{health_set="IMAP.Protocol",verdict="confirmed"} 1',
        'time_to_verdict_seconds_count 1',
        'time_to_verdict_seconds_sum 90',
      ],
    ],
    [
      'a look that saw nothing is no verdict',
      { type: 'verified', data: { ...verified, verdict: 'inconclusive', purpose: 'first' } },
      fresh,
      ['verifications_total{health_set="IMAP.Protocol",verdict="inconclusive"} 1', 'time_to_verdict_seconds_count 0'],
    ],
    [
      'a look for the next playbook',
      { type: 'verified', data: { ...verified, verdict: 'confirmed', purpose: 'first' } },
      INCIDENT,
      ['time_to_verdict_seconds_count 0'],
    ],
    [
      'a look before a change',
      { type: 'verified', data: { ...verified, verdict: 'confirmed', purpose: 'before-change' } },
      fresh,
      ['time_to_verdict_seconds_count 0'],
    ],
    [
      'held',
      { type: 'held', data: { n: 1, guard: 'maintenance', reason: 'window', says: '' } },
      INCIDENT,
      [
        'guard_decisions_total{guard="maintenance",decision="wait",reason="window"} 1',
        'guard_decisions_total{guard="maintenance",decision="refuse",reason="window"} 0',
      ],
    ],
    [
      'a refusal',
      {
        type: 'stepFinished',
        data: { n: 1, state: 'refused', says: '', guard: { name: 'maintenance', reason: 'scom' } },
      },
      INCIDENT,
      [
        'guard_decisions_total{guard="maintenance",decision="refuse",reason="scom"} 1',
        'steps_total{playbook="imap-protocol",step="restart-service",result="refused"} 1',
      ],
    ],
    [
      'a step',
      { type: 'stepFinished', data: { n: 2, state: 'done', says: '' } },
      INCIDENT,
      ['steps_total{playbook="imap-protocol",step="recheck",result="done"} 1'],
    ],
    [
      'a reboot',
      { type: 'stepStarted', data: { n: 1, note: {}, intent: intent('Restart-Computer'), slot: 'dag1' } },
      INCIDENT,
      ['disruptive_actions_total{group="dag1",action="restart-server"} 1'],
    ],
    [
      'a failover without a group',
      { type: 'stepStarted', data: { n: 1, note: {}, intent: intent('Set-MailboxServer') } },
      INCIDENT,
      ['disruptive_actions_total{group="none",action="fail-over-databases"} 1'],
    ],
    [
      'the end',
      { type: 'finished', data: { outcome: 'recovered', reason: '', left: [], owed: [] } },
      INCIDENT,
      [
        'incidents_finished_total{health_set="IMAP.Protocol",playbook="imap-protocol",outcome="recovered"} 1',
        'incident_duration_seconds_sum{outcome="recovered"} 90',
        'incident_duration_seconds_bucket{le="120",outcome="recovered"} 1',
      ],
    ],
    [
      'the end without a playbook',
      { type: 'finished', data: { outcome: 'transient', reason: '', left: [], owed: [] } },
      fresh,
      ['incidents_finished_total{health_set="IMAP.Protocol",playbook="none",outcome="transient"} 1'],
    ],
  ])('%s', async (_name, event, view, lines) => {
    const metrics = make();
    countEntry(metrics, entry(event), view);
    const page = (await text(metrics)).split('\n');
    for (const line of lines) expect(page).toContain(`second_responder_${line}`);
  });

  it('a service restart is not disruptive to a group', async () => {
    const metrics = make();
    countEntry(
      metrics,
      entry({ type: 'stepStarted', data: { n: 1, note: {}, intent: intent('Restart-Service') } }),
      INCIDENT,
    );
    expect(await text(metrics)).not.toContain('disruptive_actions_total{');
  });

  it('a clock that went back is no negative duration', async () => {
    const metrics = make();
    countEntry(
      metrics,
      entry({ type: 'finished', data: { outcome: 'recovered', reason: '', left: [], owed: [] } }, 0),
      INCIDENT,
    );
    expect(await text(metrics)).toContain('incident_duration_seconds_sum{outcome="recovered"} 0');
  });
});

describe('gauges are read at each scrape', () => {
  it('of incidents', async () => {
    const metrics = make();
    let open: IncidentView[] = [INCIDENT, { ...INCIDENT, phase: 'approving', openedAt: NOW - 5000 }];
    metrics.onScrape(() => metrics.setOpenIncidents(open, NOW + 1000));
    const page = await text(metrics);
    for (const line of [
      'incidents_open{phase="acting"} 1',
      'incidents_open{phase="verifying"} 0',
      'incident_oldest_seconds{phase="approving"} 6',
      'incidents_waiting{guard="maintenance"} 2',
      'approvals_pending 1',
    ])
      expect(page).toContain(line);
    open = [];
    const later = await text(metrics);
    expect(later).toContain('incidents_waiting{guard="maintenance"} 0');
    expect(later).toContain('incident_oldest_seconds{phase="approving"} 0');
  });

  it('of undo, switches, playbooks, queues and the store', async () => {
    const metrics = make();
    const debt = {
      id: '3:activation',
      kind: 'activation',
      setting: 'activation',
      when: 'recovered',
      value: {},
      says: '',
    } as const;
    const owe = (server: string, at: number) => ({ debt: { ...debt, server }, incident: 'i', world: 'w', at });
    metrics.setUndo([owe('mbx1', NOW - 9000), owe('mbx2', NOW), owe('mbx9', NOW)], NOW, (server) =>
      server === 'mbx9' ? undefined : 'dag1',
    );
    const off = { scope: {}, by: 'j', reason: '', since: NOW - 60_000 };
    metrics.setKillSwitches(
      [
        { ...off, on: true },
        { ...off, on: true, scope: { server: 'mbx1' }, since: NOW - 1000 },
        { ...off, on: false, scope: { group: 'g' } },
      ],
      NOW,
    );
    metrics.setPlaybooks([{ name: 'imap-ctp', mode: 'observe' }]);
    metrics.setQueues([{ queue: 'alerts', state: 'waiting', jobs: 3 }]);
    metrics.setStoreUp(true);
    metrics.setExchangeSessions(2);
    metrics.notified('log', 'sent');
    metrics.called('restartService', 'timedOut', 1.5);
    metrics.called('copiesOf', 'ok', 0.2);
    const page = await text(metrics);
    for (const line of [
      'undo_owed 3',
      'undo_oldest_seconds 9',
      'servers_drained{group="dag1"} 2',
      'servers_drained{group="none"} 1',
      'kill_switch{scope="everything"} 1',
      'kill_switch{scope="group"} 0',
      'kill_switch_since_seconds{scope="server"} 1',
      'playbook_mode{playbook="imap-ctp",mode="observe"} 1',
      'playbook_mode{playbook="imap-ctp",mode="auto"} 0',
      'queue_jobs{queue="alerts",state="waiting"} 3',
      'store_up 1',
      'exchange_sessions 2',
      'notifications_total{channel="log",result="sent"} 1',
      'commands_total{command="Restart-Service",result="timedOut"} 1',
      'command_duration_seconds_count{command="Get-MailboxDatabaseCopyStatus"} 1',
    ])
      expect(page).toContain(`second_responder_${line}\n`);
  });

  it('one that cannot be read keeps the others from nothing', async () => {
    const metrics = make();
    metrics.onScrape(() => Promise.reject(new Error('store away')));
    metrics.onScrape(() => {
      throw new Error('worse');
    });
    metrics.onScrape(() => metrics.setStoreUp(true));
    expect(await text(metrics)).toContain('second_responder_store_up 1\n');
  });
});

describe('exposition', () => {
  it('known series stand at zero before anything happened', async () => {
    const page = await text(make());
    for (const line of [
      'alerts_received_total{source="scom",result="accepted"} 0',
      'alert_last_received_timestamp_seconds{source="scom"} 0',
      'incidents_opened_total{health_set="IMAP"} 0',
      'commands_total{command="Restart-Computer",result="notSent"} 0',
      'incident_duration_seconds_bucket{le="14400",outcome="escalated"} 0',
      'notifications_total{channel="log",result="failed"} 0',
      'guard_decisions_total{guard="maintenance",decision="wait",reason="window"} 0',
    ])
      expect(page).toContain(`second_responder_${line}\n`);
    expect(page).not.toContain('command="Get-ServerHealth",result="notSent"');
    expect(page).not.toContain('decision="allow"');
  });

  it.each([
    [undefined, 'text/plain'],
    ['*/*', 'text/plain'],
    ['text/plain;version=0.0.4', 'text/plain'],
    ['application/openmetrics-text; version=1.0.0', 'application/openmetrics-text'],
    [
      'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'application/openmetrics-text',
    ],
    ['application/openmetrics-text;q=0.2,text/plain;q=0.9', 'text/plain'],
    ['application/openmetrics-text;q=0', 'text/plain'],
  ])('Accept %s gets %s', async (accept, type) => {
    expect((await make().expose(accept)).contentType).toContain(type);
  });

  it('one scrape in OpenMetrics does not change the next in plain text', async () => {
    const metrics = make();
    const before = await text(metrics);
    const open = await text(metrics, 'application/openmetrics-text');
    expect(open).toMatch(/# EOF\n$/);
    expect(open).toContain('# TYPE second_responder_alerts_received counter\n');
    expect(open).toContain('second_responder_alerts_received_total{source="scom",result="accepted"} 0');
    expect(open).not.toContain('\n\n');
    expect(await text(metrics)).toBe(before);
  });

  const promtool = spawnSync('promtool', ['--version']).status === 0;
  it.skipIf(!promtool)(
    'promtool finds nothing to complain about (skipped where promtool is not installed)',
    async () => {
      const metrics = createMetrics({ defaultMetrics: true, version: '1' });
      countEntry(metrics, entry({ type: 'opened', data: { id: 'i', server: 'm', family: 'x' } }), INCIDENT);
      const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
        input: await text(metrics),
        encoding: 'utf8',
      });
      const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('second_responder'));
      expect(ours).toEqual([]);
      // 3: it has style advice about the names of Node's own metrics; 1: the text is broken.
      expect([0, 3]).toContain(status);
    },
  );
});

describe('docs/metrics.md', () => {
  it('lists every metric with its type and labels, and no other', async () => {
    const page = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \|/gm)].map(([, name, type, labels]) => ({
      name: `second_responder_${name}`,
      type,
      labels: [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label),
    }));
    const registered = make()
      .registry.getMetricsAsArray()
      .map((metric) => metric as unknown as { name: string; type: string; labelNames: string[] })
      .map(({ name, type, labelNames }) => ({ name, type, labels: [...labelNames] }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(documented.sort(byName)).toEqual(registered.sort(byName));
  });
});
