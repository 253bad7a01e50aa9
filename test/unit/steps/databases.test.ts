import { describe, expect, test } from 'vitest';
import type { DatabaseCopy } from '../../../src/ports/exchange.ts';
import { activationUndo } from '../../../src/steps/fail-over-databases.ts';
import { MINUTE, NINE, reply, SECOND } from '../../support/stub.ts';
import { beginning, intentOf, looking, owedBy, undoContext } from './context.ts';

const blocked = (activationBlocked: boolean) => ({
  mailboxServer: async (server: string) =>
    reply({ server, activationBlocked, autoActivationPolicy: 'Unrestricted' as const }),
});
const OWED = { 'mbx1/activation': owedBy('j', 'activation', { activationBlocked: false }) };

describe('moving the databases away', () => {
  test('the block gets an undo action, which runs on recovery only and is followed by a watch', async () => {
    expect(await beginning('fail-over-databases', { exchange: blocked(false) })).toMatchObject({
      begin: 'start',
      change: {
        action: 'fail-over-databases',
        intent: {
          command: 'Set-MailboxServer',
          arguments: { Identity: 'mbx1', DatabaseCopyActivationDisabledAndMoveNow: true },
          fence: { activationBlocked: false },
        },
        undo: [{ kind: 'activation', when: 'recovered', after: 'watch', value: { activationBlocked: false } }],
      },
    });
  });

  test('blocked by someone else: the databases are moved, and the block stays', async () => {
    const begun = await beginning('fail-over-databases', { exchange: blocked(true) });
    expect(begun).toMatchObject({
      begin: 'start',
      note: { activationBlocked: true, says: 'activation was already blocked; it stays blocked' },
    });
    expect(begun.begin === 'start' && begun.change).not.toHaveProperty('undo');
  });

  test('blocked by an earlier incident of ours: its undo action is inherited', async () => {
    const begun = await beginning('fail-over-databases', { exchange: blocked(true), ledger: OWED });
    expect(begun).toMatchObject({ change: { undo: [{ value: { activationBlocked: false } }] } });
  });

  test('a client access server has no databases', async () => {
    expect(await beginning('fail-over-databases', { server: 'cas1' })).toEqual({
      begin: 'skip',
      says: 'cas1 has no mailbox role, so no databases',
    });
  });

  const LOOKS: { says: string; found: boolean; fence: boolean; issued: boolean; is: string }[] = [
    { says: 'it is blocked now', found: true, fence: false, issued: false, is: 'done' },
    { says: 'it is not blocked', found: false, fence: false, issued: true, is: 'notIssued' },
    { says: 'it was blocked before: this proves nothing', found: true, fence: true, issued: false, is: 'notIssued' },
    {
      says: 'it was blocked before, and the command was answered',
      found: true,
      fence: true,
      issued: true,
      is: 'done',
    },
  ];
  test.each(LOOKS)('$says: $is', async ({ found, fence, issued, is }) => {
    const intent = intentOf(
      'Set-MailboxServer',
      { activationBlocked: fence },
      { DatabaseCopyActivationDisabledAndMoveNow: true },
    );
    expect(
      await looking('fail-over-databases', { exchange: blocked(found), record: { intent } }, issued),
    ).toMatchObject({ is });
  });
});

describe('allowing activation again', () => {
  test('as an undo: lifts an existing block, and does nothing if someone already lifted it', async () => {
    expect(await activationUndo.begin(undoContext({}, { exchange: blocked(true) }))).toMatchObject({
      begin: 'start',
      intent: { arguments: { DatabaseCopyActivationDisabledAndMoveNow: false }, fence: { activationBlocked: true } },
    });
    expect(await activationUndo.begin(undoContext({}, { exchange: blocked(false) }))).toEqual({
      begin: 'notNeeded',
      says: 'activation on mbx1 is already allowed',
    });
  });

  const own = {
    id: '1:activation',
    kind: 'activation',
    server: 'mbx1',
    setting: 'activation',
    when: 'recovered' as const,
    value: {},
    says: 's',
    state: 'owed' as const,
    at: NINE,
    tries: 0,
  };
  const STEPS: { says: string; given: Parameters<typeof beginning>[1]; begin: string }[] = [
    { says: 'not blocked', given: { exchange: blocked(false) }, begin: 'skip' },
    { says: 'blocked by someone else', given: { exchange: blocked(true) }, begin: 'skip' },
    { says: 'blocked by this incident', given: { exchange: blocked(true), incident: { undo: [own] } }, begin: 'start' },
    { says: 'blocked by an earlier one of ours', given: { exchange: blocked(true), ledger: OWED }, begin: 'start' },
  ];
  test.each(STEPS)('as a step, $says: $begin', async ({ given, begin }) => {
    expect(await beginning('allow-activation', given)).toMatchObject({ begin });
  });
});

describe('confirming that no copy is active', () => {
  const copy = (database: string, status: string, more: Partial<DatabaseCopy> = {}): DatabaseCopy => ({
    database,
    server: 'mbx1',
    status,
    copies: 2,
    copyQueueLength: 0,
    replayQueueLength: 0,
    activationSuspended: false,
    lagged: false,
    ...more,
  });
  const look = (copies: DatabaseCopy[], now: number) =>
    looking('confirm-no-active-copies', {
      record: { note: { startedAt: NINE } },
      now,
      exchange: { copiesOn: async () => reply(copies) },
    });

  test('no active copy, or no copy at all: confirmed', async () => {
    expect(await look([copy('DB01', 'Healthy'), copy('DB02', 'Failed')], NINE)).toMatchObject({ is: 'done' });
    expect(await look([], NINE)).toMatchObject({ is: 'done' });
  });

  test.each(['Mounted', 'Mounting', 'Dismounted', 'Dismounting'])('%s is active: waited for', async (status) => {
    expect(await look([copy('DB01', status), copy('DB02', 'Healthy')], NINE)).toEqual({
      is: 'pending',
      until: NINE + 10 * SECOND,
      says: 'waiting for DB01 to move',
    });
  });

  test('remaining databases are named with the server’s own reason, and no harsher step follows', async () => {
    const copies = [
      copy('DB01', 'Mounted', { error: 'no log files' }),
      copy('DB02', 'Mounted', { copies: 1 }),
      copy('DB03', 'Dismounted'),
      copy('DB04', 'Healthy'),
    ];
    expect(await look(copies, NINE + 15 * MINUTE)).toEqual({
      is: 'refused',
      says: 'Still active on mbx1 after 15m: DB01 (Mounted: no log files), DB02 (Mounted: it has this copy only), DB03 (Dismounted). A server with active copies is not restarted',
      result: { databases: ['DB01', 'DB02', 'DB03'] },
    });
  });

  test('the last check is at the deadline', async () => {
    const end = NINE + 15 * MINUTE;
    expect(await look([copy('DB01', 'Mounted')], end - SECOND)).toMatchObject({ is: 'pending', until: end });
    expect(await look([copy('DB01', 'Healthy')], end)).toMatchObject({ is: 'done' });
  });

  test('a client access server has no databases', async () => {
    expect(await beginning('confirm-no-active-copies', { server: 'cas1' })).toMatchObject({ begin: 'skip' });
  });
});
