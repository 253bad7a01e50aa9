/** A command is sent only once a failover can't lose the entry before it. */
import { expect, it } from 'vitest';
import { NotCopied } from '../../../src/ports/journal.ts';
import { around } from '../../support/around.ts';
import { bench, operationsOf } from '../../support/engine.ts';

const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WHOLE = [
  'mbx1 Restart-Service MSExchangeIMAP4BE',
  'mbx1 Set-MailboxServer true',
  'mbx1 Restart-Computer',
  'mbx1 Set-MailboxServer false',
];

/**
 * A problem that only a reboot fixes, on a store whose replicas may be missing, or with an event at the last moment.
 */
function world() {
  const at = { missing: (_sent: number) => false, lastMoment: async () => {} };
  const b = bench({
    aroundStore: (store) =>
      around(store, 'confirm', (confirm) => async (...asked) => {
        await at.lastMoment();
        if (at.missing(b.changes().length)) throw new NotCopied('0 of 1 replicas of Redis have it');
        return confirm(...asked);
      }),
  });
  b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  return { b, at };
}

it.each([0, 1, 2, 3])('waits with changing command %i + 1 until replicas have its start', async (sent) => {
  const { b, at } = world();
  let asked = 0;
  at.missing = (now) => now === sent && ++asked < 20;
  const { finished, undo } = await b.handle(ALERT);
  expect(asked).toBeGreaterThanOrEqual(20);
  expect(b.changes()).toEqual(WHOLE);
  expect(finished).toMatchObject({ outcome: 'recovered', left: [], owed: [] });
  expect(undo.every(({ state }) => state === 'putBack' || state === 'notNeeded')).toBe(true);
  const told = b.entries.filter(({ data }) => JSON.stringify(data).includes('0 of 1 replicas'));
  // Recorded at its beginning, not at each try.
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(4);
});

it('sends nothing while they are missing, and decides again when they are back', async () => {
  const { b, at } = world();
  const until = b.lab.clock.now() + HOUR;
  at.missing = (sent) => sent === 1 && b.lab.clock.now() < until;
  const id = await b.alert(ALERT);
  await b.run(() => b.lab.clock.now() > until - MINUTE);
  expect(b.changes()).toEqual(WHOLE.slice(0, 1));
  expect((await b.incident(id)).slept?.says).toContain(
    'not sent yet, because a failover could still lose its journal entry',
  );
  await b.run();
  expect((await b.incident(id)).finished).toBeDefined();
  expect(await b.store.ledger()).toEqual([]);
});

it('does not send a command that was cancelled between its start and its sending', async () => {
  const { b, at } = world();
  const id = await b.alert(ALERT);
  at.lastMoment = async () => {
    at.lastMoment = async () => {};
    await operationsOf(b).cancel(id, { by: 'yuki' });
  };
  await b.run();
  expect(b.changes()).toEqual([]);
  expect((await b.incident(id)).finished).toMatchObject({ outcome: 'cancelled' });
});

it('warns a person that a failover could lose the decision', async () => {
  const b = bench({
    aroundStore: (store) =>
      around(store, 'append', (append) => async (...asked) => {
        const written = await append(...asked);
        if (asked[3].sure) throw new NotCopied('0 of 1 replicas of Redis have it');
        return written;
      }),
  });
  b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  const id = await b.alert(ALERT);
  await expect(operationsOf(b).cancel(id, { by: 'yuki' })).rejects.toThrow(NotCopied);
  // It was recorded anyway.
  await b.run();
  expect((await b.incident(id)).finished).toMatchObject({ outcome: 'cancelled' });
});
