import { describe, expect, test } from 'vitest';
import { CHANGING_CALLS, type Exchange } from '../../../src/ports/exchange.ts';
import { around } from '../../support/around.ts';
import { bench, Killed } from '../../support/engine.ts';

/**
 * A worker is killed at every journal entry and at every changing command of the page's procedures, before and after it
 * took effect; another takes over. The organisation must see what it sees of an undisturbed run: nothing twice, nothing less.
 */
const PROCEDURES = [
  {
    says: 'deep and self test, rebooted',
    faults: [{ fault: 'imap-backend-wedged', server: 'mbx1' }],
    alert: { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  },
  {
    says: 'deep and self test, cured by nothing',
    faults: [{ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'ex1' }],
    alert: { server: 'ex1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  },
  {
    says: 'proxy test, rebooted',
    faults: [{ fault: 'imap-proxy-wedged', server: 'cas1' }],
    alert: { server: 'cas1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' },
  },
  {
    says: 'customer touch point, with the mailbox server behind it rebooted',
    faults: [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' }],
    alert: { server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' },
  },
  {
    says: 'load on a combined server, rebooted',
    faults: [{ fault: 'imap-slow-relapse', server: 'ex1' }],
    alert: { server: 'ex1', healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' },
  },
];

interface Cut {
  /** The how-manieth append or changing command. */
  at: number;
  where: 'append' | 'command';
  when: 'before' | 'after';
}

async function play(procedure: (typeof PROCEDURES)[number], cut?: Cut) {
  const seen = { append: 0, command: 0 };
  let killed = false;
  async function cutIn<T>(where: Cut['where'], call: () => Promise<T>): Promise<T> {
    seen[where] += 1;
    const now = !killed && cut?.where === where && cut.at === seen[where];
    if (now) killed = true;
    if (now && cut?.when === 'before') throw new Killed();
    const result = await call();
    if (now) throw new Killed();
    return result;
  }
  const b = bench({
    aroundStore: (store) =>
      around(store, 'append', (append) => (...args) => {
        const [, , event] = args;
        // The opening belongs to correlation, which the queue repeats by itself.
        return event.type === 'opened' && event.data.alert ? append(...args) : cutIn('append', () => append(...args));
      }),
    aroundExchange: (exchange): Exchange =>
      new Proxy(exchange, {
        get(target, name: keyof Exchange) {
          const call = (target[name] as (...args: unknown[]) => Promise<unknown>).bind(target);
          return name in CHANGING_CALLS ? (...args: unknown[]) => cutIn('command', () => call(...args)) : call;
        },
      }),
  });
  for (const fault of procedure.faults) b.lab.post(fault);
  const { finished } = await b.handle(procedure.alert);
  // The far side's fence would catch these; looking first must make them needless.
  const needless = b.lab.commands().filter(({ effect }) => effect === 'already' || effect === 'refused').length;
  return {
    seen,
    told: { outcome: finished?.outcome, left: finished?.left, owed: finished?.owed, changes: b.changes(), needless },
    ledger: await b.store.ledger(),
  };
}

describe.each(PROCEDURES)('killed during: $says', (procedure) => {
  test('at every journal entry and every changing command, before and after', async () => {
    const whole = await play(procedure);
    expect(whole.told.outcome).toBeDefined();
    for (const where of ['append', 'command'] as const) {
      for (let at = 1; at <= whole.seen[where]; at += 1) {
        for (const when of ['before', 'after'] as const) {
          const cut = { at, where, when };
          const { told, ledger } = await play(procedure, cut);
          expect({ cut, ...told }).toEqual({ cut, ...whole.told });
          expect(ledger.length).toBe(whole.ledger.length);
        }
      }
    }
  }, 300_000);
});
