import { describe, expect, test } from 'vitest';
import { Conflict, NotFound } from '../../../src/ports.ts';
import { type Bench, type BenchOptions, bench, operationsOf } from '../../support/engine.ts';

const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const BLOCKED = { server: 'mbx1', setting: 'activation' };

/** A server that no step cured: it is left drained, and that is owed. */
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

describe('what a finished incident left changed, put back when a person asks for it', () => {
  test('an incident of its own does it, watches that health lasts, and nothing is owed any more', async () => {
    const b = await drained();
    const before = b.changes().length;
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane', note: 'the disk was replaced' });
    expect(await ends(b, id)).toMatchObject({
      outcome: 'recovered',
      reason: expect.stringContaining('Put back as asked by jane: the disk was replaced'),
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
    const start = { owner: 'another', world: b.lab.id, kill: [], claims: [], throttles: [], slot };
    expect(await b.store.wouldRefuse(start)).toMatchObject({ by: 'slot', server: 'mbx1' });
    const { id } = await b.operations.putBack({ server: 'MBX1.contoso.com' }, { by: 'jane' });
    await ends(b, id);
    expect(await b.store.wouldRefuse(start)).toBeUndefined();
  });

  test('trouble that comes back after it is told, and nothing is changed any more', async () => {
    const b = await drained();
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    b.lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx1' });
    expect(await ends(b, id)).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('came back after what was changed had been put back'),
    });
  });

  test('the kill switch holds it, and lets it go on', async () => {
    const b = await drained();
    await b.operations.setKillSwitch({ on: true, by: 'yuki' });
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    await b.run((incident) => incident.held?.guard === 'kill-switch');
    expect(isBlocked(b)).toBe(true);
    await b.operations.setKillSwitch({ on: false, by: 'yuki' });
    expect(await ends(b, id)).toMatchObject({ outcome: 'recovered' });
  });

  test('what can not be put back is told, and stays owed', async () => {
    const b = await drained();
    b.lab.post({ fault: 'refuse', command: 'Set-MailboxServer' });
    const { id } = await b.operations.putBack(BLOCKED, { by: 'jane' });
    expect(await ends(b, id)).toMatchObject({ outcome: 'escalated', owed: [expect.stringContaining('was refused')] });
    expect((await b.operations.undo()).map(({ debt }) => debt.setting)).toEqual(['activation']);
    expect(b.notices.at(-1)?.text).toContain('Could not be put back');
  });

  test('what somebody has put back meanwhile is not touched again', async () => {
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

describe('what was seen to by hand', () => {
  test('is struck out, with who and what; nothing is sent', async () => {
    const b = await drained();
    const before = b.lab.commands().length;
    const { id } = await b.operations.settle(BLOCKED, { by: 'jane', note: 'allowed it in the shell' });
    expect(await ends(b, id)).toMatchObject({
      outcome: 'cancelled',
      reason: 'Seen to by hand, says jane: allowed it in the shell',
      left: [],
      owed: [],
    });
    expect(
      b.lab
        .commands()
        .slice(before)
        .map(({ command }) => command),
    ).toEqual(['Get-ExchangeServer']);
    expect(await b.operations.undo()).toEqual([]);
  });
});

describe('a person is told why it can not be', () => {
  test.each([
    [{ server: 'mbx2' }, NotFound, 'Nothing is owed on mbx2'],
    [
      { server: 'mbx1', setting: 'imap-protocol-log' },
      NotFound,
      'Nothing of imap-protocol-log is owed on mbx1; owed there: activation',
    ],
    [{ server: 'nowhere' }, NotFound, 'Nothing is owed on nowhere'],
  ])('%j', async (what, kind, says) => {
    const b = await drained();
    await expect(b.operations.putBack(what, { by: 'jane' })).rejects.toThrow(kind);
    await expect(b.operations.settle(what, { by: 'jane' })).rejects.toThrow(says);
  });

  test('while the incident that made the debt is open, it sees to it itself', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.undo.length > 0);
    await expect(operationsOf(b).putBack(BLOCKED, { by: 'jane' })).rejects.toThrow(`Incident ${id} is open`);
  });

  test('while another incident is open for the same trouble', async () => {
    const b = await drained();
    const id = await b.alert({ ...ALERT, senderId: 'again' });
    await expect(b.operations.putBack(BLOCKED, { by: 'jane' })).rejects.toThrow(
      `Incident ${id} is open for IMAP on mbx1`,
    );
  });

  test('where the daemon only observes', async () => {
    const b = await drained();
    b.engine.settings = { ...b.engine.settings, mode: 'observe' };
    const operations = operationsOf(b);
    await expect(operations.putBack(BLOCKED, { by: 'jane' })).rejects.toThrow(Conflict);
    await expect(operations.settle(BLOCKED, { by: 'jane' })).resolves.toBeDefined();
  });
});
