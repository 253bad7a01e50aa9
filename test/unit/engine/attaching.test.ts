import { expect, test } from 'vitest';
import { correlate } from '../../../src/engine/intake/correlate.ts';
import type { Alert } from '../../../src/incident/alert.ts';
import type { EventType } from '../../../src/incident/event.ts';
import type { Exchange } from '../../../src/ports/exchange.ts';
import type { Store } from '../../../src/ports/store.ts';
import { type Bench, bench } from '../../support/engine.ts';

const SICK = { server: 'mbx1', healthSet: 'IMAP.Protocol' };
type Status = Alert['status'];
/** The calls that fail if something was attached since. */
const ON_HEAD: readonly string[] = ['append', 'confirm'];

/**
 * A recovery during which further alerts are attached: before every call to the store (soon only counted, as they are
 * many); or once before each that needs the head, so that each fails once.
 */
async function recover(sends: Status[], moment: 'every call' | 'each head' = 'each head') {
  let serial = 0;
  let wasBeset = false;
  let attaching = true;
  const questions: Record<string, number> = {};
  let id = '';
  let plain: Store | undefined;
  const attach = async () => {
    if (attaching || !(await plain?.openIncidents())?.includes(id)) return;
    attaching = true;
    for (const status of sends) {
      serial += 1;
      const more = `more-${serial}`;
      const now = b.lab.clock.now();
      const alert = { ...SICK, id: more, source: 'generic', senderId: more, status, serverAsSent: 'mbx1' };
      await b.store.accept([{ ...alert, raisedAt: now, receivedAt: now }], 1_000_000);
      await correlate(b.engine, more);
    }
    attaching = false;
  };
  const b: Bench = bench({
    aroundStore: (store): Store => {
      plain = store;
      return new Proxy(store, {
        get(whole, name: keyof Store) {
          const call = (whole[name] as (...args: unknown[]) => unknown).bind(whole);
          if (name === 'feed') return call;
          return async (...args: unknown[]) => {
            const isBeset = ON_HEAD.includes(name) && !attaching && !wasBeset;
            if (ON_HEAD.includes(name) && !attaching) wasBeset = isBeset;
            if (moment === 'every call' || isBeset) await attach();
            return call(...args);
          };
        },
      });
    },
    aroundExchange: (exchange): Exchange =>
      new Proxy(exchange, {
        get(whole, name: keyof Exchange) {
          // The organisation is cached for a while, so the number of its calls depends on real time.
          if (name !== 'organisation') questions[name] = (questions[name] ?? 0) + 1;
          return (whole[name] as (...args: unknown[]) => unknown).bind(whole);
        },
      }),
  });
  b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  id = await b.alert(SICK);
  attaching = false;
  await b.run();
  const wrote = (type: EventType) => b.entries.filter((entry) => entry.type === type).length;
  return { outcome: (await b.incident(id)).finished?.outcome, changes: b.changes(), questions, wrote, sent: serial };
}

test.each(['every call', 'each head'] as const)(
  'alerts that are attached before %s delay nothing: the same is done with the same calls',
  async (moment) => {
    const alone = await recover([]);
    const beset = await recover(['firing'], moment);
    expect(beset.sent).toBeGreaterThan(20);
    expect(beset.changes).toEqual(alone.changes);
    expect(beset.outcome).toBe('recovered');
    expect(beset.questions).toEqual(alone.questions);
    for (const type of ['verified', 'held', 'stepStarted', 'stepFinished'] as const)
      expect([type, beset.wrote(type)]).toEqual([type, alone.wrote(type)]);
  },
);

test('a sender that keeps sending "resolved" causes one verification before each change, and no more', async () => {
  const alone = await recover([]);
  const beset = await recover(['firing', 'resolved']);
  expect(beset.changes).toEqual(alone.changes);
  expect(beset.outcome).toBe('recovered');
  expect(beset.wrote('verified')).toBeLessThanOrEqual(alone.wrote('verified') + 2 * alone.wrote('stepStarted'));
});

test('a "resolved" that arrives while a start is decided leads to a verification before the command', async () => {
  let heard = false;
  const b: Bench = bench({
    aroundStore: (store) =>
      new Proxy(store, {
        get(whole, name: keyof Store) {
          const call = (whole[name] as (...args: unknown[]) => Promise<unknown>).bind(whole);
          if (name !== 'append') return call;
          return async (...args: Parameters<Store['append']>) => {
            if (args[3].start && !heard) {
              heard = true;
              for (const { id } of b.lab.faults()) b.lab.remove(id);
              await b.alert({ ...SICK, status: 'resolved' });
            }
            return call(...args);
          };
        },
      }),
  });
  b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
  const { finished } = await b.handle(SICK);
  expect(heard).toBe(true);
  expect(finished?.outcome).toBe('transient');
  expect(b.changes()).toEqual([]);
});
