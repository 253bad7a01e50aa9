import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLab } from '../../../src/lab/lab.ts';
import { readRecording } from '../../../src/recording/file.ts';
import { bench } from '../../support/engine.ts';

const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const LOAD = { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };
const RESTART = 'mbx1 Restart-Service MSExchangeIMAP4BE';

/** The row of the alerted monitor, each trait independently. */
interface Row {
  /** A monitor that a probe can verify, or one that only its row shows. */
  monitor: typeof SELF_TEST;
  every: '0s' | '1m' | '30m';
  value?: 'Disabled' | 'Repairing' | 'Unavailable' | 'Unknown' | 'UnInitialized' | undefined;
  stale: boolean;
  age?: '5m' | '30d' | 'never' | undefined;
  isIll: boolean;
  /** Whether the row got its traits before or after it became unhealthy. */
  rowFirst: boolean;
}

async function handled({ monitor, every, value, stale, age, isIll, rowFirst }: Row) {
  const b = bench();
  const ill = () =>
    isIll && b.lab.post({ fault: 'unhealthy', server: 'mbx1', ...monitor, cure: 'restart-service:MSExchangeIMAP4BE' });
  const row = () =>
    b.lab.post({
      fault: 'row',
      server: 'mbx1',
      ...monitor,
      every,
      stale,
      ...(value && { value }),
      ...(age && { age }),
    });
  for (const happens of rowFirst ? [row, ill] : [ill, row]) happens();
  const { finished } = await b.handle({ server: 'mbx1', ...monitor });
  return { outcome: finished?.outcome, changes: b.changes() };
}

/** The expected result, derived from the traits alone. */
function expected({ monitor, value, stale, isIll }: Row) {
  const isProved = monitor === SELF_TEST && value !== 'Disabled' && value !== 'Repairing';
  const isSeen = isProved || (value === undefined && !stale);
  if (!isSeen) return { outcome: 'escalated', changes: [] };
  return isIll ? { outcome: 'recovered', changes: [RESTART] } : { outcome: 'transient', changes: [] };
}

// Too old, and slow to evaluate again: whether it does in time depends on the clock.
const isDecided = ({ every, age }: Row) => every !== '30m' || age === undefined;

const every: fc.Arbitrary<Row> = fc.record({
  monitor: fc.constantFrom(SELF_TEST, LOAD),
  every: fc.constantFrom('0s', '1m', '30m'),
  value: fc.option(fc.constantFrom('Disabled', 'Repairing', 'Unavailable', 'Unknown', 'UnInitialized'), {
    nil: undefined,
  }),
  stale: fc.boolean(),
  age: fc.option(fc.constantFrom('5m', '30d', 'never'), { nil: undefined }),
  isIll: fc.boolean(),
  rowFirst: fc.boolean(),
});

test('rows of every kind: what can be verified is treated or declared healthy, and nothing else is', async () => {
  await fc.assert(
    fc.asyncProperty(every.filter(isDecided), async (row) => {
      expect(await handled(row)).toEqual(expected(row));
    }),
    { numRuns: Number(process.env.RUNS ?? 40), ...(process.env.SEED && { seed: Number(process.env.SEED) }) },
  );
}, 300_000);

describe('an event-driven monitor', () => {
  const events = { monitor: LOAD, every: '0s', stale: false, rowFirst: true } as const;
  test('is judged by its old row, and has recovered when an event says so', async () => {
    expect(await handled({ ...events, age: '30d', isIll: true, rowFirst: false })).toEqual({
      outcome: 'recovered',
      changes: [RESTART],
    });
  });

  test('that has been healthy for days is over: nothing is done, and nobody is woken', async () => {
    expect(await handled({ ...events, age: '30d', isIll: false })).toEqual({ outcome: 'transient', changes: [] });
  });

  test('does not keep a rebooted server waiting', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    for (const value of ['UnInitialized', 'Disabled']) {
      const monitor = value === 'Disabled' ? 'RequestsQueuedGt500Monitor' : LOAD.monitor;
      b.lab.post({ fault: 'row', server: 'mbx1', healthSet: 'IMAP', monitor, every: '0s', age: '30d', value });
    }
    const { finished } = await b.handle({ server: 'mbx1', ...SELF_TEST });
    expect(finished).toMatchObject({ outcome: 'recovered', left: [], owed: [] });
  });

  test('that is still unhealthy after another was fixed is reported by its name', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    b.lab.post({ fault: 'row', server: 'mbx1', healthSet: 'IMAP', monitor: 'RequestsQueuedGt500Monitor', every: '0s' });
    b.lab.post({ fault: 'unfixable', server: 'mbx1', healthSet: 'IMAP', monitor: 'RequestsQueuedGt500Monitor' });
    const { finished, runs } = await b.handle({ server: 'mbx1', ...SELF_TEST });
    expect(runs[0]).toMatchObject({ playbook: 'imap-protocol', healed: true });
    expect(finished).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('RequestsQueuedGt500Monitor'),
    });
  });

  test('of a recorded organisation is fixed as recorded', async () => {
    const recording = readRecording('test/fixtures/recordings/exchange-2016.json');
    const [server] = recording.servers;
    for (const row of server?.serverHealth?.value ?? []) {
      if (row.name !== SELF_TEST.monitor) continue;
      const days = row.lastExecution! - 3 * 86_400_000;
      Object.assign(row, { recurrenceSeconds: 0, lastExecution: days, lastTransition: days });
    }
    // Its probe can't be run on demand: only the row shows its state.
    for (const { identity, answer } of server?.probes ?? []) {
      if (!identity.includes('SelfTest')) continue;
      delete answer.value;
      answer.warnings = ['It cannot be invoked on demand.'];
    }
    const b = bench({ lab: createLab({ speed: 1, virtual: true, recording }) });
    const { finished } = await b.handle({ server: 'tok-ex01', ...SELF_TEST });
    expect([finished?.outcome, b.changes()]).toEqual(['recovered', ['tok-ex01 Restart-Service MSExchangeIMAP4BE']]);
  });
});
