import { expect, test } from 'vitest';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { around } from '../../support/around.ts';
import { type BenchOptions, bench, Killed, operationsOf } from '../../support/engine.ts';

/** Events between the start of a step (or an undo) and its command. */
const SICK = { fault: 'imap-backend-wedged', server: 'mbx1' };
const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };

function sick(options: BenchOptions) {
  const b = bench(options);
  b.lab.post(SICK);
  const operations = operationsOf(b);
  return { ...b, operations };
}

test('cancelled when a command was recorded and its worker died before sending it: it is never sent', async () => {
  let dies = true;
  const b = sick({
    aroundExchange: (exchange) =>
      around(exchange, 'restartService', (restart) => (...args) => {
        if (!dies) return restart(...args);
        dies = false;
        throw new Killed();
      }),
  });
  const id = await b.alert(ALERT);
  await b.run((incident) => incident.steps[0]?.state === 'started');
  await b.operations.cancel(id, { by: 'yuki' });
  await b.run();
  expect(b.changes()).toEqual([]);
  const { finished, steps } = await b.incident(id);
  expect(finished).toMatchObject({ outcome: 'cancelled', reason: 'Cancelled by yuki', left: [], owed: [] });
  expect(steps[0]).toMatchObject({ state: 'skipped' });
});

test('cancelled when a command had taken effect and its worker died before recording it: the effect is found and reported', async () => {
  let dies = true;
  const b = sick({
    aroundExchange: (exchange) =>
      around(exchange, 'restartService', (restart) => async (...args) => {
        const answer = await restart(...args);
        if (!dies) return answer;
        dies = false;
        throw new Killed();
      }),
  });
  const id = await b.alert(ALERT);
  await b.run((incident) => incident.steps[0]?.state === 'started');
  await b.operations.cancel(id, { by: 'yuki' });
  await b.run();
  expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
  const { finished, steps } = await b.incident(id);
  expect(finished?.outcome).toBe('cancelled');
  expect(steps[0]).toMatchObject({ state: 'done' });
});

test('an undo that the kill switch stops at the last moment is recorded once, however often it is retried', async () => {
  let on = false;
  const b = sick({
    aroundStore: (store) =>
      around(store, 'append', (append) => async (id, head, event, options) => {
        const written = await append(id, head, event, options);
        if (!on && event.type === 'undoStarted') {
          on = true;
          await store.setKillSwitch({ on: true, scope: {}, by: 'yuki', reason: '', since: 0 });
        }
        return written;
      }),
  });
  const id = await b.alert(ALERT);
  let asked = 0;
  await b.run((incident) => incident.held !== undefined && ++asked > 5);
  const held = b.entries.filter((entry) => entry.type === 'held');
  expect(held.map(({ data }) => data)).toEqual([
    expect.objectContaining({ guard: 'kill-switch', says: expect.stringContaining('kill switch') }),
  ]);
  expect(b.changes()).not.toContain('mbx1 Set-MailboxServer false');
  await b.operations.setKillSwitch({ on: false, by: 'yuki' });
  await b.run();
  expect(b.changes().at(-1)).toBe('mbx1 Set-MailboxServer false');
  expect((await b.incident(id)).finished).toMatchObject({ outcome: 'recovered', left: [], owed: [] });
});

test.each(['restartService', 'setActivationBlocked'] as const)(
  'a command that the server refuses has changed nothing: nothing is left changed, no undo is outstanding (%s)',
  async (refused) => {
    const b = sick({
      aroundExchange: (exchange) =>
        around(exchange, refused, () => () => {
          throw new ExchangeError('refused', 'not in the role group');
        }),
    });
    const incident = await b.handle(ALERT);
    expect(incident.finished).toMatchObject({ outcome: 'escalated', left: [], owed: [] });
    expect(incident.finished?.reason).toContain('not in the role group');
    expect(await b.store.ledger()).toEqual([]);
    expect(b.changes()).not.toContain('mbx1 Restart-Computer');
  },
);

test.each([
  ['the group of the server acted on', 'dag1', []],
  ['the group of the incident’s own server', 'cas:Tokyo', []],
  ['another group', 'dag2', ['mbx2 Restart-Service MSExchangeIMAP4BE']],
])('a kill switch for %s, if a step acts on a back end', async (_says, group, changes) => {
  const b = bench();
  b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2', backendFault: 'imap-backend-hang' });
  await b.store.setKillSwitch({ on: true, scope: { group }, by: 'yuki', reason: '', since: 0 });
  await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
  await b.run((incident) => incident.held !== undefined || b.entries.length > 200);
  expect(b.changes()).toEqual(changes);
});
