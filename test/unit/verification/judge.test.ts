import { describe, expect, test } from 'vitest';
import type { OurChange, Verdict } from '../../../src/incident/health.ts';
import type { HealthRow } from '../../../src/ports/exchange.ts';
import { isFresh, judgeRow, judgeRun, overall, rowDueBy } from '../../../src/verification/judge.ts';
import { MINUTE, NINE, reply, row, run, SECOND } from '../../support/stub.ts';

const RULES = { grace: 2 * MINUTE };
const REF = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
/** The row evaluates each minute and takes at most half a minute; with the grace it is due after 3:30. */
const DUE = 3 * MINUTE + 30 * SECOND;
/** A change of ours that took ten seconds. */
const ended = (at: number): OurChange => ({ began: at - 10 * SECOND, ended: at });

describe('a row', () => {
  const sick = { alertValue: 'Unhealthy' } as const;
  const ROWS: {
    says: string;
    row: ReturnType<typeof row> | undefined;
    change?: OurChange;
    verdict: Verdict;
    words: string;
  }[] = [
    { says: 'Unhealthy', row: row('IMAP', 'ImapCTPMonitor', sick), verdict: 'confirmed', words: 'is Unhealthy' },
    { says: 'Healthy', row: row('IMAP', 'ImapCTPMonitor'), verdict: 'cleared', words: 'is Healthy' },
    ...(
      [
        ['Degraded', 'is Degraded'],
        ['Repairing', 'is Repairing: someone is working on it'],
        ['Disabled', 'is Disabled: someone switched it off'],
        ['Unavailable', 'is Unavailable'],
        ['UnInitialized', 'is UnInitialized'],
        ['Unknown', 'is Unknown'],
      ] as const
    ).map(([alertValue, words]) => ({
      says: `${alertValue} decides nothing`,
      row: row('IMAP', 'ImapCTPMonitor', { alertValue }),
      verdict: 'inconclusive' as const,
      words,
    })),
    { says: 'none', row: undefined, verdict: 'inconclusive', words: 'IMAP\\ImapCTPMonitor has no row on cas1' },
    {
      says: 'Unhealthy but stale',
      row: row('IMAP', 'ImapCTPMonitor', { ...sick, isStale: true }),
      verdict: 'inconclusive',
      words: 'is Unhealthy, but the row is stale',
    },
    {
      says: 'Healthy but stale',
      row: row('IMAP', 'ImapCTPMonitor', { isStale: true }),
      verdict: 'inconclusive',
      words: 'is Healthy, but the row is stale',
    },
    {
      says: 'Healthy, evaluated as late as it may be',
      row: row('IMAP', 'ImapCTPMonitor', { lastExecution: NINE - DUE }),
      verdict: 'cleared',
      words: 'is Healthy',
    },
    {
      says: 'Healthy, evaluated too long ago',
      row: row('IMAP', 'ImapCTPMonitor', { lastExecution: NINE - DUE - 1 }),
      verdict: 'inconclusive',
      words: 'was not evaluated recently',
    },
    {
      says: 'Healthy, evaluated at the very end of our change',
      row: row('IMAP', 'ImapCTPMonitor'),
      change: ended(NINE - 30 * SECOND),
      verdict: 'inconclusive',
      words: 'was not evaluated since our last change',
    },
    {
      says: 'Healthy, evaluated after our change',
      row: row('IMAP', 'ImapCTPMonitor'),
      change: ended(NINE - 30 * SECOND - 1),
      verdict: 'cleared',
      words: 'is Healthy',
    },
    {
      says: 'Unhealthy from before our change: it proves nothing either',
      row: row('IMAP', 'ImapCTPMonitor', sick),
      change: ended(NINE - SECOND),
      verdict: 'inconclusive',
      words: 'was not evaluated since our last change',
    },
  ];
  test.each(ROWS)('$says', ({ row: given, change, verdict, words }) => {
    const judged = judgeRow(given, 'cas1', REF, NINE, change, RULES);
    expect(judged.verdict).toBe(verdict);
    expect(judged.evidence.says).toContain(words);
    const sees = { confirmed: 'unhealthy', cleared: 'healthy', inconclusive: 'nothing' }[verdict];
    expect(judged.evidence).toMatchObject({ kind: 'health-row', at: NINE, server: 'cas1', sees });
  });

  test('a row that was never evaluated is not fresh', () => {
    const { lastExecution: _never, ...never } = row('IMAP', 'ImapCTPMonitor');
    expect(isFresh(never, NINE, undefined, RULES)).toBe(false);
    expect(judgeRow(never, 'cas1', REF, NINE, ended(NINE - MINUTE), RULES).verdict).toBe('inconclusive');
  });

  test('the next evaluation is due after recurrence, time-out and grace', () => {
    expect(rowDueBy(row('IMAP', 'x', { recurrenceSeconds: 300, timeoutSeconds: 60 }), NINE, RULES)).toBe(
      NINE + 8 * MINUTE,
    );
  });
});

describe('the row of an event-driven monitor is the present state', () => {
  const DAYS = 5 * 24 * 60 * MINUTE;
  /** The end of a change so long ago that no event can follow it. */
  const SETTLED = NINE - 2 * MINUTE - 30 * SECOND;
  type Given = Omit<Partial<HealthRow>, 'lastExecution'> & { lastExecution?: number | undefined };
  const ROWS: { says: string; row: Given; change?: OurChange; verdict: Verdict; words?: string }[] = [
    {
      says: 'Unhealthy for days',
      row: { alertValue: 'Unhealthy', lastExecution: NINE - DAYS },
      verdict: 'confirmed',
    },
    { says: 'Healthy for days', row: { lastExecution: NINE - DAYS }, verdict: 'cleared' },
    { says: 'Healthy, and no event ever came', row: { lastExecution: undefined }, verdict: 'cleared' },
    {
      says: 'Unhealthy, without a time',
      row: { alertValue: 'Unhealthy', lastExecution: undefined },
      verdict: 'confirmed',
    },
    { says: 'stale', row: { lastExecution: NINE - DAYS, isStale: true }, verdict: 'inconclusive', words: 'is stale' },
    ...(['Degraded', 'Repairing', 'Disabled', 'Unavailable', 'UnInitialized', 'Unknown'] as const).map(
      (alertValue) => ({
        says: `${alertValue} decides nothing here either`,
        row: { alertValue, lastExecution: NINE - DAYS },
        verdict: 'inconclusive' as const,
        words: `is ${alertValue}`,
      }),
    ),
    {
      says: 'Unhealthy from before our change, a moment after it: an event may be on its way',
      row: { alertValue: 'Unhealthy', lastExecution: NINE - DAYS },
      change: ended(NINE - SECOND),
      verdict: 'inconclusive',
      words: 'was not evaluated since our last change',
    },
    {
      says: 'Unhealthy from before our change, just before an event had time to come',
      row: { alertValue: 'Unhealthy', lastExecution: NINE - DAYS },
      change: ended(SETTLED + 1),
      verdict: 'inconclusive',
    },
    {
      says: 'Unhealthy from before our change, after there was time for an event: it is still unhealthy',
      row: { alertValue: 'Unhealthy', lastExecution: NINE - DAYS },
      change: ended(SETTLED),
      verdict: 'confirmed',
    },
    {
      says: 'Healthy from before our change, a moment after it: the change may have broken it',
      row: { lastExecution: NINE - DAYS },
      change: ended(NINE - SECOND),
      verdict: 'inconclusive',
    },
    {
      says: 'Healthy from before our change, after there was time for an event',
      row: { lastExecution: NINE - DAYS },
      change: ended(SETTLED),
      verdict: 'cleared',
    },
    {
      says: 'Healthy since our change: immediately',
      row: { lastExecution: NINE - SECOND },
      change: ended(NINE - 2 * SECOND),
      verdict: 'cleared',
    },
    {
      says: 'Healthy since the middle of our change: immediately, because the change caused it',
      row: { lastExecution: NINE - 5 * SECOND },
      change: ended(NINE - SECOND),
      verdict: 'cleared',
    },
    {
      says: 'Healthy since our change, according to its transition alone',
      row: { lastExecution: undefined, lastTransition: NINE - SECOND },
      change: ended(NINE - 2 * SECOND),
      verdict: 'cleared',
    },
    {
      says: 'Unhealthy since the middle of our change: it may have seen a service stop',
      row: { alertValue: 'Unhealthy', lastExecution: NINE - 5 * SECOND },
      change: ended(NINE - SECOND),
      verdict: 'inconclusive',
    },
    {
      says: 'Unhealthy since our change: immediately',
      row: { alertValue: 'Unhealthy', lastExecution: NINE - SECOND },
      change: ended(NINE - 2 * SECOND),
      verdict: 'confirmed',
    },
  ];
  test.each(ROWS)('$says', ({ row: { lastExecution, ...given }, change, verdict, words = '' }) => {
    const { lastExecution: _lately, ...plain } = row('FIPS', 'X', { ...given, recurrenceSeconds: 0 });
    const judged = judgeRow(
      { ...plain, ...(lastExecution !== undefined && { lastExecution }) },
      'mbx1',
      { healthSet: 'FIPS', monitor: 'X' },
      NINE,
      change,
      RULES,
    );
    expect(judged.verdict).toBe(verdict);
    expect(judged.evidence.says).toContain(words);
  });
});

describe('a row that does not say how often its monitor is evaluated', () => {
  const { recurrenceSeconds: _unknown, ...silent } = row('FIPS', 'X');
  const { lastExecution: _never, ...never } = silent;
  const CASES: [says: string, given: ReturnType<typeof row>, change: OurChange | undefined, fresh: boolean][] = [
    [
      'counts however old it is: the server itself would call it stale',
      { ...silent, lastExecution: 1 },
      undefined,
      true,
    ],
    ['does not count if the server calls it stale', { ...silent, isStale: true }, undefined, false],
    ['does not count if it was never evaluated', never, undefined, false],
    [
      'does not count if it is from before our change, however long ago',
      { ...silent, lastExecution: 1 },
      ended(2),
      false,
    ],
    ['counts if it is from after our change', silent, ended(NINE - 31 * SECOND), true],
  ];
  test.each(CASES)('%s', (_says, given, change, fresh) => {
    expect(isFresh(given, NINE, change, RULES)).toBe(fresh);
  });
});

describe('a probe run', () => {
  const RUNS: [Parameters<typeof run>[0], Verdict][] = [
    ['Succeeded', 'cleared'],
    ['Failed', 'confirmed'],
    ['TimedOut', 'confirmed'],
    ['Poisoned', 'inconclusive'],
    ['Quarantined', 'inconclusive'],
    ['Rejected', 'inconclusive'],
    ['Abandoned', 'inconclusive'],
  ];
  test.each(RUNS)('%s: %s', (resultType, verdict) => {
    const judged = judgeRun(run(resultType), 'cas1', REF, 'ImapCTPProbe', NINE);
    expect(judged.verdict).toBe(verdict);
    expect(judged.evidence).toMatchObject({
      kind: 'probe',
      monitor: 'IMAP\\ImapCTPMonitor',
      says: `ImapCTPProbe answered ${resultType}`,
    });
  });

  test('no result but a warning is inconclusive, never a success; the warning is kept', () => {
    const judged = judgeRun(reply(undefined, 'It was refused', 'twice'), 'cas1', REF, 'ImapCTPProbe', NINE);
    expect(judged).toMatchObject({
      verdict: 'inconclusive',
      evidence: { says: 'ImapCTPProbe gave no result', sees: 'nothing', detail: 'It was refused\ntwice' },
    });
  });

  test('the error and exception of a failed probe are kept', () => {
    const failed = run('Failed', 'no answer');
    const judged = judgeRun(reply({ ...failed.value, exception: 'at 993' }), 'cas1', REF, 'p', NINE);
    expect(judged.evidence.detail).toBe('no answer\nat 993');
  });
});

describe('several verdicts combined', () => {
  const TOGETHER: [Verdict[], Verdict][] = [
    [[], 'inconclusive'],
    [['cleared'], 'cleared'],
    [['cleared', 'cleared'], 'cleared'],
    [['cleared', 'inconclusive'], 'inconclusive'],
    [['inconclusive', 'inconclusive'], 'inconclusive'],
    [['cleared', 'confirmed'], 'confirmed'],
    [['inconclusive', 'confirmed'], 'confirmed'],
  ];
  test.each(TOGETHER)('%j is %s', (verdicts, verdict) => {
    expect(overall(verdicts)).toBe(verdict);
  });
});
