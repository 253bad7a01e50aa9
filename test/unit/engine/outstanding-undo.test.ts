import { describe, expect, test } from 'vitest';
import { sweepUndo } from '../../../src/engine/undo/sweep-undo.ts';
import { Conflict, NotFound } from '../../../src/ports/operations.ts';
import { type Bench, type BenchOptions, bench, operationsOf } from '../../support/engine.ts';

const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const BLOCKED = { server: 'mbx1', setting: 'activation' };

/** A server that no step recovered: it stays drained, with an outstanding undo action. */
async function drained(options: BenchOptions = {}): Promise<Bench & { operations: ReturnType<typeof operationsOf> }> {
  const b = bench(options);
  const { id } = b.lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx1' });
  const incident = await b.handle(ALERT);
  expect(incident.finished).toMatchObject({ outcome: 'escalated', left: [expect.stringContaining('is blocked')] });
  b.lab.remove(id);
  return { ...b, operations: operationsOf(b) };
}

const isBlocked = (b: Bench) =>
  b.lab.organisation().servers.find(({ name }) => name === 'mbx1')?.settings.activationBlocked;
const ends = async (b: Bench, id: string) => {
  await b.run();
  return (await b.incident(id)).finished;
};

describe('undoing what a finished incident left changed, at the request of a person', () => {
  test('an incident of its own does it, watches health, and no undo is outstanding any more', async () => {
    const b = await drained();
    const before = b.changes().length;
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane', note: 'the disk was replaced' });
    expect(await ends(b, id)).toMatchObject({
      outcome: 'recovered',
      reason: expect.stringContaining('Put back at the request of jane: the disk was replaced'),
      left: [],
      owed: [],
    });
    expect(b.changes().slice(before)).toEqual(['mbx1 Set-MailboxServer false']);
    expect(isBlocked(b)).toBe(false);
    expect(await b.operations.undo()).toEqual([]);
  });

  test('the group is free again', async () => {
    const b = await drained();
    const slot = { group: 'dag1', server: 'mbx2' };
    const start = { owner: 'another', organisation: b.lab.id, kill: [], claims: [], throttles: [], slot };
    expect(await b.store.wouldRefuse(start)).toMatchObject({ by: 'slot', server: 'mbx1' });
    const { id } = await b.operations.putBack({ server: 'MBX1.contoso.com' }, { by: 'jane' });
    await ends(b, id);
    expect(await b.store.wouldRefuse(start)).toBeUndefined();
  });

  test('a problem that comes back after it is reported, and nothing more is changed', async () => {
    const b = await drained();
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    b.lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx1' });
    expect(await ends(b, id)).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('came back after the changes were undone'),
    });
  });

  test('the kill switch stops it, and lets it continue', async () => {
    const b = await drained();
    await b.operations.setKillSwitch({ on: true, by: 'yuki' });
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    await b.run((incident) => incident.held?.guard === 'kill-switch');
    expect(isBlocked(b)).toBe(true);
    await b.operations.setKillSwitch({ on: false, by: 'yuki' });
    expect(await ends(b, id)).toMatchObject({ outcome: 'recovered' });
  });

  test('a failed undo is reported, and stays outstanding', async () => {
    const b = await drained();
    b.lab.post({ fault: 'refuse', command: 'Set-MailboxServer' });
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    expect(await ends(b, id)).toMatchObject({ outcome: 'escalated', owed: [expect.stringContaining('was refused')] });
    expect((await b.operations.undo()).map(({ debt }) => debt.setting)).toEqual(['activation']);
    expect(b.notices.at(-1)?.text).toContain('Could not be put back');
  });

  test('a change that someone has already undone is left alone', async () => {
    const b = await drained();
    const change = { notAfter: Number.POSITIVE_INFINITY, caller: 'jane', scope: [] };
    await b.lab.exchange('jane').setActivationBlocked('mbx1', false, { activationBlocked: true }, change);
    const before = b.changes().length;
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    await ends(b, id);
    expect(b.changes()).toHaveLength(before);
    expect(await b.operations.undo()).toEqual([]);
  });
});

describe('undo actions that an open incident will run', () => {
  test('because it inherited them: no other incident runs or settles them', async () => {
    const b = await drained();
    b.lab.clock.advance(30 * 3_600_000);
    b.lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx1' });
    const later = await b.alert(ALERT);
    await b.run(({ undo }) => undo.some(({ state }) => state === 'owed'));
    for (const ask of [b.operations.settle, b.operations.putBack]) {
      const asked = ask(BLOCKED, { by: 'jane' });
      await expect(asked).rejects.toThrow(Conflict);
      await expect(asked).rejects.toThrow(later);
    }
    expect(await b.operations.undo()).toHaveLength(1);
  });

  test('because it was already requested', async () => {
    const b = await drained();
    await b.operations.putBack(BLOCKED, { by: 'jane' });
    await expect(b.operations.putBack({ server: 'mbx1' }, { by: 'yuki' })).rejects.toThrow(Conflict);
    await expect(b.operations.settle(BLOCKED, { by: 'yuki' })).rejects.toThrow(Conflict);
  });
});

describe('undo actions done by hand', () => {
  test('are removed, with who and why; nothing is sent', async () => {
    const b = await drained();
    const before = b.lab.commands().length;
    const { id } = await b.operations.settle(BLOCKED, { by: 'jane', note: 'allowed it in the shell' });
    expect(await ends(b, id)).toMatchObject({
      outcome: 'cancelled',
      reason: 'Fixed by hand, according to jane: allowed it in the shell',
      left: [],
      owed: [],
    });
    expect(
      b.lab
        .commands()
        .slice(before)
        .filter(({ command }) => command !== 'Get-ExchangeServer'),
    ).toEqual([]);
    expect(await b.operations.undo()).toEqual([]);
  });
});

describe('at start', () => {
  /** A protocol log whose undo failed. */
  async function failed() {
    const b = bench();
    const { id: fault } = b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const id = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    await b.run((incident) =>
      incident.steps.some(({ step, state }) => step.step === 'protocol-log' && state === 'done'),
    );
    const { id: refusal } = b.lab.post({ fault: 'refuse', command: 'Set-ImapSettings' });
    b.lab.remove(fault);
    await b.run();
    const { finished } = await b.incident(id);
    // The restart after it is due as well; neither was left on purpose.
    expect(finished).toMatchObject({
      owed: [expect.stringContaining('was refused'), expect.stringContaining('must restart to read')],
      left: [],
    });
    return { b, refusal };
  }
  const isLogging = (b: Bench) =>
    b.lab.organisation().servers.find(({ name }) => name === 'cas1')?.settings.protocolLog.imap;

  test('a failed undo is retried', async () => {
    const { b, refusal } = await failed();
    b.lab.remove(refusal);
    expect(isLogging(b)).toBe(true);
    await sweepUndo(b.engine);
    await b.run();
    expect(isLogging(b)).toBe(false);
    expect(await operationsOf(b).undo()).toEqual([]);
  });

  test('by one of several daemons that start at the same time', async () => {
    const { b, refusal } = await failed();
    b.lab.remove(refusal);
    await Promise.all([sweepUndo(b.engine), sweepUndo(b.engine)]);
    expect(await b.store.openIncidents()).toHaveLength(1);
  });

  test('an undo that fails again is reported again, and stays outstanding', async () => {
    const { b } = await failed();
    const before = b.notices.length;
    await sweepUndo(b.engine);
    await b.run();
    expect(b.notices).toHaveLength(before + 1);
    expect((await operationsOf(b).undo()).map(({ debt }) => debt.setting)).toContain('imap-protocol-log');
  });

  test('changes left on purpose are logged, and stay', async () => {
    const b = await drained();
    const said: string[] = [];
    b.engine.log = { ...b.engine.log, warn: (says) => void said.push(says) };
    await sweepUndo(b.engine);
    expect(await b.store.openIncidents()).toEqual([]);
    expect(said).toEqual([
      expect.stringContaining('Outstanding undo action: activation of databases on mbx1 is blocked'),
    ]);
  });
});

describe('a request that cannot be met gets the reason', () => {
  test.each([
    [{ server: 'mbx2' }, NotFound, 'There is no outstanding undo action on mbx2'],
    [
      { server: 'mbx1', setting: 'imap-protocol-log' },
      NotFound,
      'There is no outstanding undo action for imap-protocol-log on mbx1; outstanding there: activation',
    ],
    [{ server: 'nowhere' }, NotFound, 'There is no outstanding undo action on nowhere'],
  ])('%j', async (what, kind, says) => {
    const b = await drained();
    await expect(b.operations.putBack(what, { by: 'jane' })).rejects.toThrow(kind);
    await expect(b.operations.settle(what, { by: 'jane' })).rejects.toThrow(says);
  });

  test('while the incident that made the change is open, it runs its undo itself', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.undo.length > 0);
    await expect(operationsOf(b).putBack(BLOCKED, { by: 'jane' })).rejects.toThrow(`Incident ${id} is open`);
  });

  test('while another incident is open for the same problem', async () => {
    const b = await drained();
    const id = await b.alert({ ...ALERT, senderId: 'again' });
    await expect(b.operations.putBack(BLOCKED, { by: 'jane' })).rejects.toThrow(
      `Incident ${id} is open for IMAP on mbx1`,
    );
  });

  test('if the daemon only observes', async () => {
    const b = await drained();
    b.engine.settings = { ...b.engine.settings, mode: 'observe' };
    const operations = operationsOf(b);
    await expect(operations.putBack(BLOCKED, { by: 'jane' })).rejects.toThrow(Conflict);
    await expect(operations.settle(BLOCKED, { by: 'jane' })).resolves.toBeDefined();
  });
});
