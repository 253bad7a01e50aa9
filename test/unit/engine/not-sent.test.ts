import { describe, expect, test } from 'vitest';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import { fold } from '../../../src/incident/fold.ts';
import type { UndoAction } from '../../../src/incident/undo.ts';
import { NotSent } from '../../../src/ports/exchange.ts';
import { around } from '../../support/around.ts';
import { type Bench, bench, Killed, operationsOf } from '../../support/engine.ts';
import { journalOf } from '../../support/journal.ts';
import { HOUR, journal } from '../../support/stub.ts';

/** The kill switch stops a command at the last moment: at its first sending, or after a lost worker. */
async function caught(tries: ('dies' | 'caught')[]) {
  const left = [...tries];
  const b = bench({
    aroundExchange: (exchange) =>
      around(exchange, 'restartService', (restart) => async (...args) => {
        const what = left.shift();
        if (what === 'dies') throw new Killed();
        if (what === 'caught') throw new NotSent('the kill switch is on');
        return restart(...args);
      }),
  });
  b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
  const { finished, id } = await b.handle({
    server: 'mbx1',
    healthSet: 'IMAP.Protocol',
    monitor: 'ImapSelfTestMonitor',
  });
  const words = ((await journalOf(b.store, id))?.entries ?? []).map(({ type, data }) =>
    [type, 'state' in data ? data.state : undefined, type === 'slept' && 'for' in data ? data.for : undefined]
      .filter(Boolean)
      .join(' '),
  );
  return { outcome: finished?.outcome, words, changes: b.changes() };
}

test('at its first sending: nothing was sent, and the step stays pending', async () => {
  const { words, outcome, changes } = await caught(['caught']);
  expect(words).not.toContain('slept late');
  expect(words).toContain('stepFinished notSent');
  expect([outcome, changes]).toEqual(['recovered', ['mbx1 Restart-Service MSExchangeIMAP4BE']]);
});

test('after a worker that may have sent it: that is waited out before it counts as not sent', async () => {
  const { words, outcome } = await caught(['dies', 'caught', 'caught']);
  expect(words).toContain('slept late');
  expect(words.indexOf('slept late')).toBeLessThan(words.indexOf('stepFinished notSent'));
  expect(outcome).toBe('recovered');
});

describe('a fail-over that the kill switch stops at the last moment', () => {
  const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
  const SICK = { fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx1' } as const;
  const owed = async ({ store }: Bench) => (await store.ledger()).map(({ incident }) => incident);

  /** `before`: an earlier incident has left the server drained. Returns that incident. */
  async function cancelled({ before }: { before: boolean }): Promise<Bench & { drained?: string }> {
    let catches = false;
    const b = bench({
      aroundExchange: (exchange) =>
        around(exchange, 'setActivationBlocked', (set) => async (...args) => {
          if (!catches) return set(...args);
          await operationsOf(b).setKillSwitch({ on: true, by: 'yuki' });
          throw new NotSent('the kill switch is on');
        }),
    });
    b.lab.post(SICK);
    const drained = before ? (await b.handle({ server: 'mbx1', ...SELF_TEST })).id : undefined;
    b.lab.clock.advance(30 * HOUR);
    catches = true;
    const id = await b.alert({ server: 'mbx1', ...SELF_TEST });
    await b.run(({ steps }) => steps.some(({ state }) => state === 'notSent'));
    await operationsOf(b).cancel(id, { by: 'yuki' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('cancelled');
    return { ...b, ...(drained && { drained }) };
  }

  test('has no outstanding undo, also after a reindex', async () => {
    const b = await cancelled({ before: false });
    expect(await owed(b)).toEqual([]);
    await b.store.reindex();
    expect(await owed(b)).toEqual([]);
  });

  test('keeps the undo of an earlier incident outstanding, also after a reindex', async () => {
    const b = await cancelled({ before: true });
    expect(await owed(b)).toEqual([b.drained]);
    await b.store.reindex();
    expect(await owed(b)).toEqual([b.drained]);
  });
});

test('a step that was not sent has nothing to undo until it starts again', () => {
  const debt: UndoAction = {
    id: '1:x',
    kind: 'protocol-log',
    server: 'mbx1',
    setting: 'x',
    when: 'always',
    value: {},
    says: 'x',
  };
  const started: IncidentEvent = { type: 'stepStarted', data: { n: 1, note: {}, undo: [debt] } };
  const step = { n: 1, step: 'protocol-log', options: {}, changes: true, says: 'on' };
  const before: IncidentEvent[] = [
    { type: 'opened', data: { id: 'i', server: 'mbx1', family: 'IMAP' } },
    { type: 'matched', data: { playbook: { name: 'p', hash: 'h', mode: 'auto' }, handles: [], plan: [step] } },
    started,
    { type: 'stepFinished', data: { n: 1, state: 'notSent', says: 'the kill switch is on' } },
  ];
  expect(fold(journal(...before)).undo).toMatchObject([{ id: '1:x', state: 'notNeeded' }]);
  expect(fold(journal(...before, started)).undo).toMatchObject([{ id: '1:x', state: 'owed' }]);
});
