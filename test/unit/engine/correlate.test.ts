import { describe, expect, test } from 'vitest';
import { correlate } from '../../../src/engine/intake/correlate.ts';
import type { Alert } from '../../../src/incident/alert.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { bench, operationsOf } from '../../support/engine.ts';

const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const MINUTE = 60_000;

const count = async (b: ReturnType<typeof bench>) => (await b.store.list({ limit: 100 })).ids.length;

describe('correlation', () => {
  test('alerts about one family on one server are one incident, however they spell it', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const first = await b.alert(ALERT);
    expect(await b.alert({ server: 'mbx1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' })).toBe(first);
    expect(await b.alert({ server: 'mbx1', healthSet: 'imap.proxy' })).toBe(first);
    expect(await b.alert({ server: 'mbx1', healthSet: 'OWA' })).not.toBe(first);
    expect(await b.alert({ server: 'mbx2', healthSet: 'IMAP' })).not.toBe(first);
    expect(await count(b)).toBe(3);
  });

  test('the monitor of an alert is a hint: unhealthy monitors are treated', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const incident = await b.handle({ server: 'mbx1', healthSet: 'IMAP', monitor: 'NoSuchMonitor' });
    expect(incident.finished?.outcome).toBe('recovered');
    expect(incident.runs.map((run) => run.playbook)).toEqual(['imap-protocol']);
  });

  test('an alert that names no health set leads to a verification of the whole server', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const incident = await b.handle({ server: 'mbx1', title: '正常性セットに問題があります' });
    expect(incident.finished?.outcome).toBe('recovered');
  });

  test('a resolved alert without an incident opens none', async () => {
    const b = bench();
    await b.alert({ ...ALERT, status: 'resolved' });
    expect(await count(b)).toBe(0);
    expect(await b.store.pendingAlerts(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });

  test('a resolved alert leads to a verification before the next change, and never decides anything', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.steps[1]?.state === 'started');
    await b.alert({ ...ALERT, status: 'resolved' });
    await b.run();
    // It was not resolved: the sender was wrong, and the run continued.
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
    expect(b.changes()).toContain('mbx1 Restart-Computer');
    const types = b.entries.map((entry) => entry.type);
    expect(types.slice(types.indexOf('attached')).includes('verified')).toBe(true);
  });

  test('a repeat soon after the outcome changes nothing; later, or with a higher count, it opens a new incident', async () => {
    const b = bench();
    const alert = { ...ALERT, id: 'the-same', repeatCount: 1 };
    await b.handle(alert);
    expect(await count(b)).toBe(1);
    await b.alert(alert);
    expect(await count(b)).toBe(1);
    await b.handle({ ...alert, repeatCount: 2 });
    expect(await count(b)).toBe(2);
    b.lab.clock.advance(16 * MINUTE);
    await b.alert({ ...alert, repeatCount: 2, receivedAt: b.lab.clock.now() });
    expect(await count(b)).toBe(3);
  });

  test('an alert about another health set of a server that we are rebooting joins, and is verified separately later', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    const id = await b.alert(ALERT);
    await b.run((incident) =>
      incident.steps.some((one) => one.step.step === 'restart-server' && one.state === 'started'),
    );
    expect(await b.alert({ server: 'mbx1', healthSet: 'Store', id: 'store-alert' })).toBe(id);
    expect(await count(b)).toBe(1);
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
    expect(await b.store.pendingAlerts(Number.MAX_SAFE_INTEGER, 10)).toEqual(['store-alert']);
  });
});

describe('a server with several names', () => {
  const away = (b: ReturnType<typeof bench>) => {
    b.engine.exchange = {
      ...b.engine.exchange,
      organisation: () => Promise.reject(new ExchangeError('unreachable', 'x')),
    };
  };
  const CUT = { server: 'mb', serverAsSent: 'MB', otherServers: ['mbx2.contoso.com'], healthSet: 'IMAP.Protocol' };

  test('the one that Exchange knows counts', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx2' });
    const incident = await b.handle(CUT);
    expect([incident.server, incident.finished?.outcome]).toEqual(['mbx2', 'recovered']);
    expect(incident.alerts[0]).toMatchObject({
      server: 'mbx2',
      serverAsSent: 'mbx2.contoso.com',
      otherServers: ['MB'],
    });
  });

  test('alerts that name it in different ways are one incident', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx2' });
    const first = await b.alert({ server: 'mbx2', healthSet: 'IMAP' });
    expect(await b.alert(CUT)).toBe(first);
    expect(await count(b)).toBe(1);
  });

  test('of several known names the first counts, and of unknown ones the first of all', async () => {
    const b = bench();
    const named = (server: string, ...otherServers: string[]) =>
      b.alert({ server, otherServers, healthSet: 'IMAP.Protocol' }).then((id) => b.incident(id));
    expect((await named('mbx1', 'mbx2')).server).toBe('mbx1');
    expect((await named('nobody', 'mbx3', 'mbx2')).server).toBe('mbx3');
    expect((await named('nobody', 'neither')).server).toBe('nobody');
  });

  test('an alert waits for Exchange, but only for a while', async () => {
    const b = bench();
    away(b);
    await expect(b.alert({ ...CUT, id: 'waits' })).rejects.toThrow('x');
    expect(await count(b)).toBe(0);
    expect(await b.store.pendingAlerts(Number.MAX_SAFE_INTEGER, 10)).toEqual(['waits']);
    b.lab.clock.advance(2 * MINUTE);
    await correlate(b.engine, 'waits');
    expect((await b.store.list({ limit: 10 })).ids.map((id) => id.split('-')[0])).toEqual(['mb']);
  });

  test('an alert with one name does not wait', async () => {
    const b = bench();
    away(b);
    expect(await b.alert({ server: 'mbx2', healthSet: 'IMAP' })).toMatch(/^mbx2-/);
  });

  test.each([
    ['Contoso.Custom.ServersGroup', 0],
    ['mbx7.contoso.com', 1],
    ['mbx1.contoso.com', 1],
    ['mbx7', 1],
  ])('if only a path names %s, there are %i incidents', async (serverAsSent, incidents) => {
    const b = bench();
    await b.alert({ server: serverAsSent.split('.')[0]!.toLowerCase(), serverAsSent, namedByPath: true });
    expect(await count(b)).toBe(incidents);
    expect(await b.store.pendingAlerts(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });
});

describe('thousands of alerts of one incident', () => {
  const flood = async (b: ReturnType<typeof bench>, from: number, count: number, more: Partial<Alert> = {}) => {
    const alerts = Array.from({ length: count }, (_, n) => ({
      ...{ id: `flood-${from + n}`, source: 'generic', senderId: `${from + n}`, status: 'firing' as const },
      ...{ ...ALERT, serverAsSent: 'mbx1', raisedAt: 0, receivedAt: b.lab.clock.now() },
      ...more,
    }));
    await b.store.accept(alerts, 1_000_000_000);
    await Promise.all(alerts.map(({ id }) => correlate(b.engine, id)));
    return alerts;
  };

  test('are counted, the first and the latest are shown, and none stays pending; the incident ends as usual', async () => {
    const b = bench();
    const operations = operationsOf(b);
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const id = await b.alert(ALERT);
    for (let from = 0; from < 1_000; from += 250)
      await flood(b, from, 250, { description: 'x'.repeat(16_000), repeatCount: from });
    expect(await b.store.pendingAlerts(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    const shown = await operations.incident(id);
    expect(shown?.alertCount).toBe(1_001);
    expect(shown?.alerts.length).toBeLessThan(70);
    expect(shown?.alerts.at(-1)?.id).toBe('flood-999');
    const { entries = [] } = (await operations.journal(id)) ?? {};
    expect(JSON.stringify(entries).length).toBeLessThan(300_000);
    // Their repeats are no news.
    await flood(b, 500, 100);
    expect((await operations.incident(id))?.alertCount).toBe(1_001);
    await b.run();
    expect((await b.incident(id)).finished).toMatchObject({ outcome: 'recovered', alertsCounted: 951 });
    expect(await operations.incident(id)).toMatchObject({ outcome: 'recovered', alertCount: 1_001 });
    // The highest count was recorded anyway.
    expect(await b.store.lastOutcome('mbx1/imap', b.lab.id)).toMatchObject({ repeatCount: 750 });
  });

  test('a maintenance report among them is noticed', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const id = await b.alert(ALERT);
    await flood(b, 0, 200);
    await flood(b, 200, 1, { inMaintenance: true });
    await flood(b, 201, 200);
    await b.run((incident) => incident.held !== undefined);
    expect((await b.incident(id)).held).toMatchObject({ guard: 'maintenance', reason: 'sender' });
  });

  test('about other problems are each verified separately, including those beyond the limit', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    await b.alert(ALERT);
    const reboots = (incident: Incident) =>
      incident.steps.some((one) => one.step.step === 'restart-server' && one.state === 'started');
    await b.run(reboots);
    const families = Array.from({ length: 220 }, (_, n) => `Family${n}`);
    for (const healthSet of families) await flood(b, Number(healthSet.slice(6)) * 10, 2, { healthSet });
    const before = (await b.store.list({ limit: 1_000 })).ids.length;
    expect(before).toBeGreaterThan(1);
    expect(before).toBeLessThan(families.length);
    await b.run();
    const joined = await b.store.pendingAlerts(Number.MAX_SAFE_INTEGER, 1_000);
    const opened = await Promise.all((await b.store.list({ limit: 1_000 })).ids.map((id) => b.incident(id)));
    const seen = new Set(opened.map(({ family }) => family));
    for (const id of joined) seen.add((await b.store.pendingAlert(id))?.alert.healthSet ?? '');
    expect(families.filter((family) => !seen.has(family))).toEqual([]);
  });
});

describe('listing incidents', () => {
  test('pages continue without gaps under any filter, newest first, each incident once', async () => {
    const b = bench();
    const operations = operationsOf(b);
    for (let index = 0; index < 2_100; index += 1) {
      const id = `srv${index}-owa`;
      const server = index === 7 ? 'wanted' : `srv${index}`;
      await b.store.append(
        id,
        { seq: 0, hash: '' },
        { type: 'opened', data: { id, server, family: 'OWA' } },
        { at: 1_000 + index, worker: 'test', opening: { key: id, server, family: 'OWA' } },
      );
    }
    const all: string[] = [];
    const wanted: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await operations.incidents({ limit: 500, ...(cursor && { cursor }) });
      all.push(...page.incidents.map((one) => one.id));
      cursor = page.next;
    } while (cursor);
    expect(all).toHaveLength(2_100);
    expect(new Set(all).size).toBe(2_100);
    expect(all[0]).toBe('srv2099-owa');
    let pages = 0;
    do {
      const page = await operations.incidents({ limit: 50, server: 'WANTED.contoso.com', ...(cursor && { cursor }) });
      wanted.push(...page.incidents.map((one) => one.id));
      cursor = page.next;
      pages += 1;
    } while (cursor);
    expect(wanted).toEqual(['srv7-owa']);
    expect(pages).toBe(2);
  });
});

describe('a problem that keeps coming back', () => {
  test('three recoveries in seven days are reported to people as a problem, with the incidents', async () => {
    const b = bench();
    const ids: string[] = [];
    for (const round of [1, 2, 3]) {
      b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
      const incident = await b.handle({ ...ALERT, id: `round-${round}` });
      expect(incident.finished?.outcome).toBe('recovered');
      ids.push(incident.id);
      expect(b.notices).toHaveLength(round < 3 ? 0 : 1);
      b.lab.clock.advance(25 * 60 * MINUTE);
    }
    expect(b.notices[0]?.subject).toBe('mbx1: IMAP has recovered 3 times in seven days');
    for (const id of ids) expect(b.notices[0]?.text).toContain(id);
  });

  test('three recoveries over more than seven days are not', async () => {
    const b = bench();
    for (const round of [1, 2, 3]) {
      b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
      await b.handle({ ...ALERT, id: `round-${round}` });
      b.lab.clock.advance(4 * 24 * 60 * MINUTE);
    }
    expect(b.notices).toEqual([]);
  });
});

describe('a service that we started ourselves', () => {
  test('by an undo: a new problem with it soon after is treated, and not taken for a start by someone else', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    await b.handle({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    expect(b.changes().at(-1)).toBe('cas1 Restart-Service MSExchangeIMAP4');
    b.lab.post({ fault: 'imap-proxy-hang', server: 'cas1' });
    const after = await b.handle({ server: 'cas1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' });
    expect(after.finished?.outcome).toBe('recovered');
  });
});

describe('several problems at once', () => {
  test('two playbooks on one server run one after the other, the more basic first', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-proxy-hang', server: 'ex1' });
    b.lab.post({ fault: 'imap-backend-hang', server: 'ex1' });
    const incident = await b.handle({ server: 'ex1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' });
    expect(incident.runs.map((run) => run.playbook)).toEqual(['imap-protocol', 'imap-proxy']);
    expect(b.changes()).toEqual(['ex1 Restart-Service MSExchangeIMAP4BE', 'ex1 Restart-Service MSExchangeIMAP4']);
    expect(incident.finished?.outcome).toBe('recovered');
    expect(new Set(incident.steps.map((record) => record.step.n)).size).toBe(incident.steps.length);
  });

  test('one disruptive action in a group at a time: the second server waits until the first is back', async () => {
    // Two of four would be a common cause.
    const b = bench({ settings: { commonCause: { share: 1, servers: 20, within: 10 * MINUTE } } });
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx2' });
    await b.alert(ALERT);
    const second = await b.alert({ ...ALERT, server: 'mbx2' });
    await b.run();
    expect(b.entries.some((entry) => entry.type === 'held' && JSON.stringify(entry.data).includes('group-busy'))).toBe(
      true,
    );
    const order = b.changes().filter((change) => !change.includes('Restart-Service'));
    expect(order.slice(0, 3)).toEqual([
      'mbx1 Set-MailboxServer true',
      'mbx1 Restart-Computer',
      'mbx1 Set-MailboxServer false',
    ]);
    // The group's limit of reboots then applies: a person decides about a second one within ten hours.
    expect((await b.incident(second)).finished?.outcome).toBe('escalated');
  });

  test('the customer touch point waits for the incident of the mailbox server, and joins it instead of acting in parallel', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const back = await b.alert({ ...ALERT, server: 'mbx2' });
    const front = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    await b.run();
    expect((await b.incident(back)).finished?.outcome).toBe('recovered');
    expect(['recovered', 'transient']).toContain((await b.incident(front)).finished?.outcome);
    expect(b.changes().filter((change) => change === 'mbx2 Restart-Computer')).toHaveLength(1);
  });

  test('the mailbox server alerts while its client access server is treated: one of them acts, both end', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const front = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    await b.run((incident) => incident.steps.some((one) => one.state === 'done'));
    const back = await b.alert({ ...ALERT, server: 'mbx2' });
    await b.run();
    expect((await b.incident(back)).finished?.outcome).toBe('recovered');
    expect((await b.incident(front)).finished?.outcome).toBe('recovered');
    expect(b.changes().filter((change) => change === 'mbx2 Restart-Computer')).toHaveLength(1);
  });

  test('two client access servers with the same unhealthy mailbox server behind them: it is treated once', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas2', backend: 'mbx2' });
    const ids = [
      await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' }),
      await b.alert({ server: 'cas2', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' }),
    ];
    await b.run();
    for (const id of ids) expect((await b.incident(id)).finished).toBeDefined();
    expect(b.changes().filter((change) => change === 'mbx2 Restart-Computer').length).toBeLessThanOrEqual(1);
  });
});
