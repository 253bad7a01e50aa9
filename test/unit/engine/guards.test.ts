import { describe, expect, test } from 'vitest';
import { type Bench, type BenchOptions, bench, operationsOf } from '../../support/engine.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const ALERT = { server: 'mbx1', ...SELF_TEST };

/** mbx1's IMAP back end hangs, and a restart fixes it. */
function hanging(options: BenchOptions = {}): Bench {
  const b = bench(options);
  b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
  return b;
}

describe('causes of a wait that passes', () => {
  const WAITS: { says: string; trouble: Record<string, unknown>; reason: string; over?: boolean }[] = [
    {
      says: 'Managed Availability is acting',
      trouble: { fault: 'responder-at-work', server: 'mbx1', service: 'MSExchangeIMAP4BE', for: '3m' },
      reason: 'responder-acting',
      over: true,
    },
    {
      says: 'the server is taken out of service',
      trouble: {
        fault: 'component-inactive',
        server: 'mbx1',
        component: 'ServerWideOffline',
        requester: 'Maintenance',
      },
      reason: 'component',
    },
    {
      says: 'its cluster node is suspended',
      trouble: { fault: 'node-suspended', server: 'mbx1' },
      reason: 'node-suspended',
    },
    { says: 'Exchange setup runs', trouble: { fault: 'busy', server: 'mbx1', with: 'setup' }, reason: 'setup' },
    {
      says: 'the store is unhealthy',
      trouble: { fault: 'unhealthy', server: 'mbx1', healthSet: 'Store' },
      reason: 'dependency-unhealthy',
    },
  ];
  test.each(WAITS)('$says', async ({ trouble, reason, over }) => {
    const b = hanging();
    const { id } = b.lab.post(trouble);
    const incident = await b.alert(ALERT);
    await b.run((one) => one.held?.reason === reason);
    expect(b.changes()).toEqual([]);
    if (!over) b.lab.remove(id);
    await b.run();
    expect((await b.incident(incident)).finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
  });

  test('Managed Availability helps during the wait: nothing more is done', async () => {
    const b = hanging();
    const [fault] = b.lab.faults();
    b.lab.post({ fault: 'responder-at-work', server: 'mbx1', service: 'MSExchangeIMAP4BE', for: '3m' });
    const id = await b.alert(ALERT);
    await b.run((one) => one.held?.reason === 'responder-acting');
    b.lab.remove(fault?.id ?? '');
    await b.run();
    expect(b.changes()).toEqual([]);
    expect((await b.incident(id)).finished?.outcome).toBe('transient');
  });

  test('a maintenance window: the incident continues when it closes', async () => {
    const b = hanging();
    const starts = new Date(b.lab.clock.now() - HOUR).toISOString().slice(0, 19);
    const window = { name: 'patching', servers: ['mbx1'], groups: [], starts, lasts: 2 * HOUR, timeZone: 'UTC' };
    b.engine.settings = { ...b.engine.settings, maintenance: [window] };
    const began = b.lab.clock.now();
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('recovered');
    expect((incident.finished?.at ?? 0) - began).toBeGreaterThanOrEqual(HOUR - 1_000);
    // The evidence from before the wait is outdated: it verifies again before the first change.
    const types = b.entries.map(({ type }) => type);
    expect(types.slice(types.lastIndexOf('held'), types.indexOf('stepStarted'))).toContain('verified');
  });

  test('maintenance mode reported by the sender, until it reports the end', async () => {
    const b = hanging();
    const id = await b.alert({ ...ALERT, id: 'scom-1', inMaintenance: true });
    await b.run((one) => one.held?.reason === 'sender');
    expect(b.changes()).toEqual([]);
    await b.alert({ ...ALERT, id: 'scom-1', inMaintenance: false });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  test('maintenance that exceeds the limit wakes nobody: someone is working there and knows', async () => {
    const b = hanging();
    b.lab.post({ fault: 'node-suspended', server: 'mbx1' });
    const incident = await b.handle(ALERT);
    expect(incident.finished).toMatchObject({ outcome: 'suppressed', reason: expect.stringContaining('is suspended') });
    expect(b.notices).toEqual([]);
    expect(b.changes()).toEqual([]);
  });

  test('any other wait that exceeds the limit wakes a person', async () => {
    const b = hanging();
    b.lab.post({ fault: 'busy', server: 'mbx1', with: 'setup' });
    const incident = await b.handle(ALERT);
    expect(incident.finished).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('Waited too long'),
    });
    expect(b.notices).toHaveLength(1);
  });
});

describe('a reboot that does not happen', () => {
  test.each(['servicing', 'backup', 'seeding'])('%s: the server is not even drained', async (what) => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    b.lab.post({ fault: 'busy', server: 'mbx1', with: what });
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('escalated');
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
  });

  test('pending updates: a person is asked once, and sees what would happen', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    b.lab.post({ fault: 'busy', server: 'mbx1', with: 'pending-update' });
    const operations = operationsOf(b);
    const id = await b.alert(ALERT);
    await b.run((one) => one.held?.approval === true);
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
    const { approval } = (await operations.incident(id)) ?? {};
    expect(approval?.preview?.steps.filter(({ changes }) => changes).map(({ says }) => says)).toEqual([
      'Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow $true',
      'Restart-Computer',
    ]);
    expect(approval?.preview?.atMost).toBeGreaterThan(20 * MINUTE);
    expect(approval?.preview?.disrupts).toContain('the server is unavailable until it has restarted');
    expect(approval?.preview?.putBack).toHaveLength(1);
    await operations.approve(id, { by: 'jane' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  test('no other client access server of the site is healthy', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-proxy-wedged', server: 'cas1' });
    for (const server of ['cas2', 'ex1', 'ex2']) b.lab.post({ fault: 'unfixable', server, healthSet: 'IMAP' });
    const incident = await b.handle({ server: 'cas1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' });
    expect(incident.finished).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('No other client access server of Tokyo is known to be healthy'),
    });
    expect(b.changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4']);
  });
});

describe('the two-person rule', () => {
  test('the same person cannot approve twice, nor one token under two names; two people can', async () => {
    const b = hanging({ settings: { mode: 'approve', approvers: 2 } });
    const operations = operationsOf(b);
    const id = await b.alert(ALERT);
    await b.run((one) => one.held?.approval === true);
    await operations.approve(id, { by: 'jane', identity: 'ops-jane' });
    await b.run((one) => one.approvals.length === 1);
    expect(b.changes()).toEqual([]);
    expect((await operations.incident(id))?.approval).toMatchObject({ approvers: 2, approvedBy: ['jane'] });
    const again = operations.approve(id, { by: 'yuki (ops-jane)', identity: 'ops-jane' });
    await expect(again).rejects.toThrow('another person must approve it too');
    await operations.approve(id, { by: 'yuki', identity: 'ops-yuki' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
    expect(b.entries.filter(({ type }) => type === 'approved')).toHaveLength(2);
  });
});

describe('the same problem on several servers of a group', () => {
  test('none is changed, and people get one message that names them all', async () => {
    const b = bench();
    for (const server of ['mbx1', 'mbx2', 'mbx3']) b.lab.post({ fault: 'imap-backend-hang', server });
    const ids = [];
    for (const server of ['mbx1', 'mbx2', 'mbx3']) ids.push(await b.alert({ server, ...SELF_TEST }));
    await b.run();
    expect(b.changes()).toEqual([]);
    const ends = await Promise.all(ids.map(async (id) => (await b.incident(id)).finished));
    expect(ends.map((end) => end?.outcome).sort()).toEqual(['escalated', 'suppressed', 'suppressed']);
    const speaker = ids[ends.findIndex((end) => end?.outcome === 'escalated')];
    for (const end of ends) {
      if (end?.outcome === 'suppressed') expect(end.reason).toContain(`Incident ${speaker} reports it`);
    }
    expect(b.notices).toHaveLength(1);
    expect(b.notices[0]?.subject).toBe('IMAP on 3 servers was not recovered: a common cause');
    for (const server of ['mbx1', 'mbx2', 'mbx3']) expect(b.notices[0]?.text).toContain(server);
  });

  test('one of them only seemed to have it: the other is treated', async () => {
    const b = hanging();
    b.lab.post({ fault: 'transient', server: 'mbx2' });
    await b.alert({ server: 'mbx2', ...SELF_TEST });
    const id = await b.alert(ALERT);
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  test('a quarter of an hour later it is another problem', async () => {
    const b = hanging();
    await b.handle(ALERT);
    b.lab.clock.advance(15 * MINUTE);
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx2' });
    expect((await b.handle({ server: 'mbx2', ...SELF_TEST })).finished?.outcome).toBe('recovered');
  });

  test('a change made while another incident notifies about the group is reported in a message about this server', async () => {
    const b = bench();
    await b.store.claimNotification(b.lab.id, 'IMAP in dag1', 'another', 10 * HOUR);
    b.lab.post({ fault: 'unfixable', server: 'mbx1', healthSet: 'IMAP.Protocol' });
    expect((await b.handle(ALERT)).finished?.outcome).toBe('escalated');
    expect(b.notices.map(({ subject }) => subject)).toEqual(['mbx1: IMAP was not recovered']);
  });

  test('a change on a server is always reported by its own incident', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    const first = await b.alert(ALERT);
    await b.run((one) => one.changed);
    for (const server of ['mbx2', 'mbx3']) {
      b.lab.post({ fault: 'imap-backend-wedged', server });
      await b.alert({ server, ...SELF_TEST });
    }
    await b.run();
    expect((await b.incident(first)).finished?.outcome).toBe('escalated');
    expect(b.notices.map(({ incident }) => incident)).toContain(first);
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
  });
});

describe('a playbook that does not help', () => {
  async function inVain(b: Bench, server: string): Promise<string | undefined> {
    const { id } = b.lab.post({ fault: 'unfixable', server, healthSet: 'IMAP.Proxy' });
    const incident = await b.alert({ server, healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' });
    await b.run((one) => one.held?.approval === true);
    const { finished } = await b.incident(incident);
    b.lab.remove(id);
    b.lab.clock.advance(25 * HOUR);
    return finished?.outcome;
  }

  test('three times in a row needs approval; a person’s trust restores it', async () => {
    const b = bench();
    const operations = operationsOf(b);
    for (const server of ['cas1', 'cas2', 'cas1']) expect(await inVain(b, server)).toBe('escalated');
    const proxy = async () => (await operations.playbooks()).find(({ name }) => name === 'imap-proxy');
    expect(await proxy()).toMatchObject({ mode: 'approve', demoted: { from: 'auto' } });
    const before = b.changes().length;
    expect(await inVain(b, 'cas2')).toBeUndefined();
    expect(b.changes()).toHaveLength(before);
    await b.run();
    await operations.trustPlaybook('imap-proxy', { by: 'jane', note: 'network fixed' });
    expect(await proxy()).toMatchObject({ mode: 'auto', trusted: { by: 'jane', note: 'network fixed' } });
    expect(await inVain(b, 'cas1')).toBe('escalated');
    expect(b.changes().length).toBeGreaterThan(before);
  });
});
