import { describe, expect, test } from 'vitest';
import { Conflict, NotFound } from '../../../src/ports/operations.ts';
import { around } from '../../support/around.ts';
import { type Bench, type BenchOptions, bench, operationsOf } from '../../support/engine.ts';

const SICK = { fault: 'imap-backend-wedged', server: 'mbx1' };
const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const HOUR = 3_600_000;

function sick(options: BenchOptions = {}): Bench & { operations: ReturnType<typeof operationsOf> } {
  const b = bench(options);
  b.lab.post(SICK);
  const operations = operationsOf(b);
  return { ...b, operations };
}

describe('modes', () => {
  test('observe changes nothing, and reports what it would have done', async () => {
    const b = sick({ settings: { mode: 'observe' } });
    const incident = await b.handle(ALERT);
    expect(b.changes()).toEqual([]);
    expect(incident.finished).toMatchObject({ outcome: 'suppressed' });
    expect(incident.finished?.reason).toContain('Restart-Service MSExchangeIMAP4BE');
    expect(incident.finished?.reason).toContain('Restart-Computer');
  });

  test('approve waits for a person, changes nothing before, and verifies again before it acts', async () => {
    const b = sick({ settings: { mode: 'approve' } });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.held?.approval === true);
    expect(b.changes()).toEqual([]);
    expect((await b.operations.incident(id))?.phase).toBe('approving');
    await b.operations.approve(id, { by: 'yuki', note: 'go' });
    await b.run();
    const types = b.entries.map((entry) => entry.type);
    expect(types.slice(types.indexOf('approved'), types.indexOf('approved') + 3)).toEqual([
      'approved',
      'verified',
      'stepStarted',
    ]);
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  test('an approval for a problem that is gone changes nothing', async () => {
    const b = sick({ settings: { mode: 'approve' } });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.held?.approval === true);
    for (const fault of b.lab.faults()) b.lab.remove(fault.id);
    await b.operations.approve(id, { by: 'yuki' });
    await b.run();
    expect(b.changes()).toEqual([]);
    expect((await b.incident(id)).finished?.outcome).toBe('transient');
  });

  test('a rejection ends in escalation, with who and why', async () => {
    const b = sick({ settings: { mode: 'approve' } });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.held?.approval === true);
    await b.operations.reject(id, { by: 'yuki', note: 'month-end' });
    await b.run();
    expect(b.changes()).toEqual([]);
    expect((await b.incident(id)).finished).toMatchObject({
      outcome: 'escalated',
      reason: 'Rejected by yuki: month-end',
    });
  });

  test.each(['approve', 'reject'] as const)(
    '%s is refused once the request has expired, even if no worker has recorded that',
    async (say) => {
      const b = sick({ settings: { mode: 'approve' } });
      const id = await b.alert(ALERT);
      await b.run((incident) => incident.held?.approval === true);
      b.lab.clock.advance(4 * HOUR);
      await expect(b.operations[say](id, { by: 'yuki' })).rejects.toThrow(/expired at \d{4}-\d\d-\d\dT/);
      await expect(b.operations[say](id, { by: 'yuki' })).rejects.toThrow(Conflict);
      await b.run();
      expect(b.changes()).toEqual([]);
      expect((await b.incident(id)).finished).toMatchObject({
        outcome: 'escalated',
        reason: 'No one approved in time',
      });
    },
  );

  test('an approval request without an answer expires after four hours', async () => {
    const b = sick({ settings: { mode: 'approve' } });
    const started = b.lab.clock.now();
    const incident = await b.handle(ALERT);
    expect(incident.finished).toMatchObject({ outcome: 'escalated', reason: 'No one approved in time' });
    expect((incident.finished?.at ?? 0) - started).toBeGreaterThanOrEqual(4 * HOUR);
    expect(b.changes()).toEqual([]);
  });

  test('only an incident that exists and waits for approval can be approved', async () => {
    const b = sick();
    await expect(b.operations.approve('nothing-like-it', { by: 'yuki' })).rejects.toThrow(NotFound);
    const { id } = await b.handle(ALERT);
    await expect(b.operations.approve(id, { by: 'yuki' })).rejects.toThrow(Conflict);
    await expect(b.operations.cancel(id, { by: 'yuki' })).rejects.toThrow('recovered');
  });
});

describe('cancel', () => {
  test('stops before the next command, runs the undo actions that always run, and reports what stays', async () => {
    const b = bench();
    const operations = operationsOf(b);
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const id = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    await b.run((incident) =>
      incident.steps.some((record) => record.step.step === 'protocol-log' && record.state === 'done'),
    );
    await operations.cancel(id, { by: 'yuki', note: 'I take over' });
    await b.run();
    expect((await b.incident(id)).finished).toMatchObject({
      outcome: 'cancelled',
      reason: 'Cancelled by yuki: I take over',
      owed: [],
    });
    expect(b.changes().filter((change) => change.startsWith('cas1'))).toEqual([
      'cas1 Set-ImapSettings true',
      'cas1 Set-ImapSettings false',
      'cas1 Restart-Service MSExchangeIMAP4',
    ]);
    expect(b.changes()).not.toContain('cas1 Restart-Computer');
  });

  test('a server that was drained stays drained, and is listed as left', async () => {
    const b = sick();
    const id = await b.alert(ALERT);
    await b.run((incident) =>
      incident.steps.some((record) => record.step.step === 'fail-over-databases' && record.state === 'done'),
    );
    await b.operations.cancel(id, { by: 'yuki' });
    await b.run();
    const { finished } = await b.incident(id);
    expect(finished?.outcome).toBe('cancelled');
    expect(finished?.left).toEqual([expect.stringContaining('activation of databases on mbx1 is blocked')]);
    expect(b.changes()).not.toContain('mbx1 Restart-Computer');
    expect((await b.operations.undo()).map(({ debt }) => debt.setting)).toEqual(['activation']);
  });
});

describe('cancelling an incident that treats a mailbox server behind it', () => {
  function ctp() {
    const b = bench();
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const operations = operationsOf(b);
    return { ...b, operations, front: { server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' } };
  }
  const free = (b: Bench, server: string) =>
    b.store.wouldRefuse({ owner: 'another', organisation: b.lab.id, kill: [], claims: [server], throttles: [] });

  test('cancels its own child too, and releases every claim', async () => {
    const b = ctp();
    const id = await b.alert(b.front);
    await b.run(
      (incident) => incident.parent !== undefined && incident.steps.some((record) => record.state === 'done'),
    );
    await b.operations.cancel(id, { by: 'yuki' });
    await b.run();
    const [child = ''] = (await b.incident(id)).children;
    expect((await b.incident(child)).finished).toMatchObject({
      outcome: 'cancelled',
      reason: `Cancelled by yuki: ${id} was cancelled`,
    });
    expect((await b.incident(id)).finished?.outcome).toBe('cancelled');
    expect(b.changes()).not.toContain('mbx2 Restart-Computer');
    for (const server of ['cas1', 'mbx2']) expect(await free(b, server)).toBeUndefined();
  });

  test('waits for an incident that it joined, because that acts under its claims', async () => {
    const b = ctp();
    const id = await b.alert(b.front);
    await b.run((incident) => incident.steps.some((record) => record.state === 'done'));
    const joined = await b.alert({ server: 'mbx2', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' });
    await b.run((incident) => incident.id === joined && incident.changed);
    await b.operations.cancel(id, { by: 'yuki' });
    await b.run();
    const [front, back] = [await b.incident(id), await b.incident(joined)];
    expect(back.finished?.outcome).toBe('recovered');
    expect(front.finished?.outcome).toBe('cancelled');
    expect(front.finished?.at).toBeGreaterThanOrEqual(back.finished?.at ?? Number.POSITIVE_INFINITY);
    for (const server of ['cas1', 'mbx2']) expect(await free(b, server)).toBeUndefined();
  });
});

describe('servers that stay drained', () => {
  test('by a child: the group keeps its slot after the root has ended, for other servers', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    b.lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx2' });
    const incident = await b.handle({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    expect(incident.finished?.outcome).toBe('escalated');
    expect(b.changes()).not.toContain('cas1 Restart-Computer');
    const start = { owner: 'another', organisation: b.lab.id, kill: [], claims: [], throttles: [] };
    expect(await b.store.wouldRefuse({ ...start, slot: { group: 'dag1', server: 'mbx1' } })).toMatchObject({
      by: 'slot',
    });
    expect(await b.store.wouldRefuse({ ...start, claims: ['mbx2', 'cas1'] })).toBeUndefined();
    // One message for both: the parent's, with the child's reason.
    expect(b.notices).toHaveLength(1);
    expect(b.notices[0]?.text).toContain('mbx2');
  });
});

describe('the kill switch', () => {
  const scopes = [
    { says: 'for everything', scope: {} },
    { says: 'for the server, by its full name', scope: { server: 'MBX1.contoso.com' } },
    { says: 'for the group', scope: { group: 'dag1' } },
    { says: 'for the playbook', scope: { playbook: 'imap-protocol' } },
  ];
  test.each(scopes)('$says: nothing is changed while it is on, and everything is done after', async ({ scope }) => {
    const b = sick();
    await b.operations.setKillSwitch({ on: true, scope, by: 'yuki', reason: 'audit' });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.held?.guard === 'kill-switch');
    expect(b.changes()).toEqual([]);
    const shown = await b.operations.incident(id);
    expect(shown).toMatchObject({ phase: 'waiting', waiting: { for: 'kill-switch' } });
    expect(shown?.waiting?.reason).toContain('yuki: audit');
    await b.operations.setKillSwitch({ on: false, scope, by: 'yuki' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  const THERE_IS_NO = (kind: string, name: string) =>
    `There is no ${kind} "${name}": a kill switch for it stops nothing.`;
  test.each([
    [
      'a server with one letter too many',
      { server: 'mbx11' },
      [`${THERE_IS_NO('server', 'mbx11')} Did you mean "mbx1"?`],
    ],
    [
      'the same in its full name',
      { server: 'MXB1.contoso.com' },
      [`${THERE_IS_NO('server', 'mxb1')} Did you mean "mbx1"?`],
    ],
    ['a group', { group: 'dga1' }, [`${THERE_IS_NO('group', 'dga1')} Did you mean "dag1"?`]],
    [
      'a playbook',
      { playbook: 'imap-protcol' },
      [`${THERE_IS_NO('playbook', 'imap-protcol')} Did you mean "imap-protocol"?`],
    ],
    ['nothing like it', { server: 'exchange' }, [expect.stringContaining('Known: cas1, cas2, mbx1, mbx2,')]],
    ['several at once', { playbook: 'x', server: 'y', group: 'z' }, [/playbook "x"/, /server "y"/, /group "z"/]],
    ['names in another case', { playbook: 'IMAP-Protocol', server: 'MBX1', group: 'DAG1' }, []],
    ['everything', {}, []],
  ])('a typo in its scope is reported, and it is on anyway: %s', async (_, scope, expected) => {
    const b = sick();
    for (const on of [true, false]) {
      const { switches, warnings } = await b.operations.setKillSwitch({ on, scope, by: 'yuki' });
      expect(switches.map((one) => one.on)).toEqual(on ? [true] : []);
      expect(warnings).toEqual(expected.map((each) => (each instanceof RegExp ? expect.stringMatching(each) : each)));
    }
  });

  test('while Exchange does not answer, the servers of open incidents are known', async () => {
    const b = sick();
    await b.alert(ALERT);
    b.engine.exchange.organisation = () => Promise.reject(new Error('it is away'));
    const warningsOf = async (server: string) =>
      (await b.operations.setKillSwitch({ on: true, scope: { server }, by: 'yuki' })).warnings;
    expect(await warningsOf('mbx1')).toEqual([]);
    expect(await warningsOf('mbx11')).toEqual([
      'Exchange did not answer, so it is not known whether there is a server "mbx11". Did you mean "mbx1"?',
    ]);
    const { switches } = await b.operations.setKillSwitch({ on: true, scope: { group: 'dag1' }, by: 'yuki' });
    expect(switches).toHaveLength(3);
  });

  test('for another server, playbook or group: it stops nothing', async () => {
    const b = sick();
    for (const scope of [
      { server: 'mbx2' },
      { playbook: 'imap-ctp' },
      { group: 'dag2' },
      { server: 'mbx1', group: 'dag2' },
    ]) {
      await b.operations.setKillSwitch({ on: true, scope, by: 'yuki' });
    }
    expect((await b.handle(ALERT)).finished?.outcome).toBe('recovered');
  });

  test('switched on between the start of a step and its command: the command is sent only after it is off', async () => {
    let cut = true;
    const b: Bench = bench({
      aroundStore: (store) =>
        around(store, 'append', (append) => async (...args) => {
          const result = await append(...args);
          if (cut && args[2].type === 'stepStarted' && args[2].data.intent) {
            cut = false;
            await store.setKillSwitch({ on: true, scope: {}, by: 'yuki', reason: '', since: 0 });
          }
          return result;
        }),
    });
    b.lab.post(SICK);
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.held?.guard === 'kill-switch');
    expect(b.changes()).toEqual([]);
    expect((await b.incident(id)).steps[0]?.state).toBe('notSent');
    await b.store.setKillSwitch({ on: false, scope: {}, by: 'yuki', reason: '', since: 0 });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  test('a switch that cannot be read counts as on', async () => {
    let away = false;
    const b = bench({
      aroundStore: (store) =>
        around(store, 'killSwitches', (ask) => () => (away ? Promise.reject(new Error('Redis is away')) : ask())),
    });
    const change = { notAfter: Number.POSITIVE_INFINITY, caller: 'test', scope: [] };
    const { value: service } = await b.engine.exchange.service('mbx1', 'MSExchangeIMAP4BE');
    away = true;
    const sent = b.engine.exchange.restartService(
      'mbx1',
      'MSExchangeIMAP4BE',
      { startedAt: service.startedAt ?? null },
      change,
    );
    await expect(sent).rejects.toThrow('counts as on');
    expect(b.changes()).toEqual([]);
  });

  test('an undo waits for it too, and is shown as outstanding meanwhile', async () => {
    let switched = false;
    const b = sick({
      aroundStore: (store) =>
        around(store, 'append', (append) => async (...args) => {
          const result = await append(...args);
          if (!switched && args[2].type === 'verified' && args[2].data.verdict === 'cleared') {
            switched = true;
            await store.setKillSwitch({ on: true, scope: {}, by: 'yuki', reason: '', since: 0 });
          }
          return result;
        }),
    });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.held?.guard === 'kill-switch');
    expect(b.changes()).not.toContain('mbx1 Set-MailboxServer false');
    expect((await b.operations.incident(id))?.owed).toHaveLength(1);
    await b.operations.setKillSwitch({ on: false, by: 'yuki' });
    await b.run();
    expect(b.changes().at(-1)).toBe('mbx1 Set-MailboxServer false');
    expect((await b.incident(id)).finished).toMatchObject({ outcome: 'recovered', left: [], owed: [] });
  });
});
