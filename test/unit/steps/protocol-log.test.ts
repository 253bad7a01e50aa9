import { describe, expect, test } from 'vitest';
import { protocolLogUndo } from '../../../src/steps/protocol-log.ts';
import { NINE, reply } from '../../support/stub.ts';
import { beginning, intentOf, looking, owedBy, undoContext } from './context.ts';

const LOCATION = 'C:\\Logs\\Imap4';
const log = (enabled: boolean) => ({ protocolLog: async () => reply({ enabled, location: LOCATION }) });
const options = { protocol: 'imap', 'undo-restart': 'MSExchangeIMAP4' };

describe('turning the protocol log on', () => {
  test('off before: the undo actions restore the value found and then restart the service that reads it', async () => {
    expect(await beginning('protocol-log', { server: 'cas1', options, exchange: log(false) })).toMatchObject({
      begin: 'start',
      note: { enabled: false, location: LOCATION },
      change: {
        action: 'setting',
        intent: {
          command: 'Set-ImapSettings',
          server: 'cas1',
          arguments: { Server: 'cas1', ProtocolLogEnabled: true },
          fence: { enabled: false },
        },
        undo: [
          {
            id: '3:imap-protocol-log',
            setting: 'imap-protocol-log',
            when: 'always',
            value: { protocol: 'imap', enabled: false },
          },
          {
            id: '3:restart',
            kind: 'restart-service',
            when: 'always',
            value: { service: 'MSExchangeIMAP4' },
            after: 'recheck',
            dependsOn: '3:imap-protocol-log',
          },
        ],
      },
    });
  });

  test('the other protocol has its own cmdlet and setting, and no restart by default', async () => {
    const begun = await beginning('protocol-log', { options: { protocol: 'pop' }, exchange: log(false) });
    expect(begun).toMatchObject({ change: { resource: 'pop-protocol-log', intent: { command: 'Set-PopSettings' } } });
    expect(begun.begin === 'start' && begun.change?.undo).toHaveLength(1);
  });

  test('already turned on by someone else: it stays on, without an undo action', async () => {
    expect(await beginning('protocol-log', { options, exchange: log(true) })).toEqual({
      begin: 'skip',
      says: 'the imap protocol log of mbx1 was already turned on by someone else; it stays on',
    });
  });

  test('already turned on by an earlier incident: its undo action is inherited, with the value found first', async () => {
    const ledger = {
      'mbx1/imap-protocol-log': owedBy('j', 'imap-protocol-log', { protocol: 'imap', enabled: false }),
    };
    const begun = await beginning('protocol-log', { options, exchange: log(true), ledger });
    expect(begun).toMatchObject({
      begin: 'start',
      change: { intent: { fence: { enabled: true } }, undo: [{ value: { protocol: 'imap', enabled: false } }, {}] },
    });
  });

  const LOOKS: { says: string; found: boolean; fence: boolean; issued: boolean; is: string }[] = [
    { says: 'off before, on now', found: true, fence: false, issued: false, is: 'done' },
    { says: 'off before, off now', found: false, fence: false, issued: false, is: 'notIssued' },
    { says: 'on before, on now: this proves nothing', found: true, fence: true, issued: false, is: 'notIssued' },
    { says: 'on before, and the command was answered', found: true, fence: true, issued: true, is: 'done' },
    { says: 'answered, but still off', found: false, fence: false, issued: true, is: 'notIssued' },
  ];
  test.each(LOOKS)('$says', async ({ found, fence, issued, is }) => {
    const intent = intentOf('Set-ImapSettings', { enabled: fence }, { ProtocolLogEnabled: true });
    const seen = await looking('protocol-log', { options, exchange: log(found), record: { intent } }, issued);
    expect(seen.is).toBe(is);
    if (seen.is === 'done') expect(seen).toMatchObject({ changed: true, result: { location: LOCATION } });
  });
});

describe('restoring it', () => {
  const debt = { kind: 'protocol-log', value: { protocol: 'imap', enabled: false } };

  test('still on: the value found is restored', async () => {
    expect(await protocolLogUndo.begin(undoContext(debt, { exchange: log(true) }))).toMatchObject({
      begin: 'start',
      intent: { command: 'Set-ImapSettings', arguments: { ProtocolLogEnabled: false }, fence: { enabled: true } },
    });
  });

  test('already turned off by someone else: nothing to do', async () => {
    expect(await protocolLogUndo.begin(undoContext(debt, { exchange: log(false) }))).toEqual({
      begin: 'notNeeded',
      says: 'the imap protocol log of mbx1 is as it was',
    });
  });

  test('a value that was on is restored to on', async () => {
    const found = { ...debt, value: { protocol: 'imap', enabled: true } };
    expect(await protocolLogUndo.begin(undoContext(found, { exchange: log(true) }))).toMatchObject({
      begin: 'notNeeded',
    });
    expect(await protocolLogUndo.begin(undoContext(found, { exchange: log(false) }))).toMatchObject({
      intent: { arguments: { ProtocolLogEnabled: true } },
    });
  });
});

test('the location of the log is recorded for the escalation', async () => {
  expect(await looking('log-location', { options: { protocol: 'imap' }, exchange: log(true), now: NINE })).toEqual({
    is: 'done',
    says: `the imap protocol log of mbx1 is in ${LOCATION}`,
    result: { location: LOCATION },
  });
});
