import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../src/incident/health.ts';
import { isFresh, judgeRow, judgeRun, overall, rowDueBy } from '../../../src/verification/judge.ts';
import { MINUTE, NINE, reply, row, run, SECOND } from '../../support/stub.ts';

const RULES = { grace: 2 * MINUTE };
const REF = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
/** The row evaluates each minute and takes at most half a minute; with the grace it is due after 3:30. */
const DUE = 3 * MINUTE + 30 * SECOND;

describe('a row', () => {
  const sick = { alertValue: 'Unhealthy' } as const;
  const ROWS: {
    says: string;
    row: ReturnType<typeof row> | undefined;
    changedAt?: number;
    verdict: Verdict;
    words: string;
  }[] = [
    { says: 'Unhealthy', row: row('IMAP', 'ImapCTPMonitor', sick), verdict: 'confirmed', words: 'is Unhealthy' },
    { says: 'Healthy', row: row('IMAP', 'ImapCTPMonitor'), verdict: 'cleared', words: 'is Healthy' },
    ...(
      [
        ['Degraded', 'is Degraded'],
        ['Repairing', 'is Repairing: somebody works on it'],
        ['Disabled', 'is Disabled: somebody switched it off'],
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
      words: 'was not evaluated lately',
    },
    {
      says: 'Healthy, evaluated at the very end of our change',
      row: row('IMAP', 'ImapCTPMonitor'),
      changedAt: NINE - 30 * SECOND,
      verdict: 'inconclusive',
      words: 'was not evaluated since our last change',
    },
    {
      says: 'Healthy, evaluated after our change',
      row: row('IMAP', 'ImapCTPMonitor'),
      changedAt: NINE - 30 * SECOND - 1,
      verdict: 'cleared',
      words: 'is Healthy',
    },
    {
      says: 'Unhealthy from before our change: it proves nothing either',
      row: row('IMAP', 'ImapCTPMonitor', sick),
      changedAt: NINE - SECOND,
      verdict: 'inconclusive',
      words: 'was not evaluated since our last change',
    },
  ];
  test.each(ROWS)('$says', ({ row: given, changedAt, verdict, words }) => {
    const judged = judgeRow(given, 'cas1', REF, NINE, changedAt, RULES);
    expect(judged.verdict).toBe(verdict);
    expect(judged.evidence.says).toContain(words);
    const sees = { confirmed: 'unhealthy', cleared: 'healthy', inconclusive: 'nothing' }[verdict];
    expect(judged.evidence).toMatchObject({ kind: 'health-row', at: NINE, server: 'cas1', sees });
  });

  test('one that never evaluated is not fresh', () => {
    const { lastExecution: _never, ...never } = row('IMAP', 'ImapCTPMonitor');
    expect(isFresh(never, NINE, undefined, RULES)).toBe(false);
    expect(judgeRow(never, 'cas1', REF, NINE, NINE - MINUTE, RULES).verdict).toBe('inconclusive');
  });

  test('its next evaluation is in after recurrence, time-out and grace', () => {
    expect(rowDueBy(row('IMAP', 'x', { recurrenceSeconds: 300, timeoutSeconds: 60 }), NINE, RULES)).toBe(
      NINE + 8 * MINUTE,
    );
  });
});

describe('a run of a probe', () => {
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

  test('no object but a warning is no answer, and never a success; the warning is kept', () => {
    const judged = judgeRun(reply(undefined, 'It was refused', 'twice'), 'cas1', REF, 'ImapCTPProbe', NINE);
    expect(judged).toMatchObject({
      verdict: 'inconclusive',
      evidence: { says: 'ImapCTPProbe gave no result', sees: 'nothing', detail: 'It was refused\ntwice' },
    });
  });

  test('what the probe said of its failure is kept, error and exception', () => {
    const failed = run('Failed', 'no answer');
    const judged = judgeRun(reply({ ...failed.value, exception: 'at 993' }), 'cas1', REF, 'p', NINE);
    expect(judged.evidence.detail).toBe('no answer\nat 993');
  });
});

describe('several verdicts together', () => {
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
