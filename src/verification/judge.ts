import type { Instant } from '../incident/alert.ts';
import { type Evidence, type MonitorRef, monitorName, type Verdict } from '../incident/health.ts';
import type { HealthRow, ProbeResult, Reply } from '../ports.ts';

/** How long after its turn a row may come before it is called stale: recurrence + time-out + this. */
export interface RowRules {
  grace: number;
}

/** When a row's next evaluation is in at the latest, counted from `since`. */
export function rowDueBy(row: HealthRow, since: Instant, rules: RowRules): Instant {
  return since + (row.recurrenceSeconds + row.timeoutSeconds) * 1000 + rules.grace;
}

/** A row is believed when its monitor evaluated lately, and after the end of our last change. */
export function isFresh(row: HealthRow, now: Instant, changedAt: Instant | undefined, rules: RowRules): boolean {
  if (row.isStale || row.lastExecution === undefined) return false;
  if (changedAt !== undefined && row.lastExecution <= changedAt) return false;
  return now <= rowDueBy(row, row.lastExecution, rules);
}

/** What a row by itself says. Only Healthy and Unhealthy decide; Repairing and Disabled mean hands off. */
export function judgeRow(
  row: HealthRow | undefined,
  server: string,
  ref: MonitorRef,
  now: Instant,
  changedAt: Instant | undefined,
  rules: RowRules,
): { verdict: Verdict; evidence: Evidence } {
  const monitor = monitorName(ref);
  const base = { kind: 'health-row' as const, at: now, server, monitor };
  if (!row) {
    return {
      verdict: 'inconclusive',
      evidence: { ...base, says: `${monitor} has no row on ${server}`, sees: 'nothing' },
    };
  }
  if (!isFresh(row, now, changedAt, rules)) {
    const why = row.isStale
      ? 'is stale'
      : changedAt !== undefined && (row.lastExecution ?? 0) <= changedAt
        ? 'was not evaluated since our last change'
        : 'was not evaluated lately';
    const says = `AlertValue of ${monitor} is ${row.alertValue}, but the row ${why}`;
    return { verdict: 'inconclusive', evidence: { ...base, says, sees: 'nothing' } };
  }
  const says = `AlertValue of ${monitor} is ${row.alertValue}`;
  if (row.alertValue === 'Unhealthy') return { verdict: 'confirmed', evidence: { ...base, says, sees: 'unhealthy' } };
  if (row.alertValue === 'Healthy') return { verdict: 'cleared', evidence: { ...base, says, sees: 'healthy' } };
  const hint = { Repairing: ': somebody works on it', Disabled: ': somebody switched it off' }[
    row.alertValue as string
  ];
  return { verdict: 'inconclusive', evidence: { ...base, says: says + (hint ?? ''), sees: 'nothing' } };
}

/**
 * What one run of a probe says. Succeeded is the only health; Failed and TimedOut are trouble. Anything else (Poisoned,
 * Quarantined, Rejected, no object at all) means that the probe did not run: no answer.
 */
export function judgeRun(
  reply: Reply<ProbeResult | undefined>,
  server: string,
  ref: MonitorRef,
  probe: string,
  now: Instant,
): { verdict: Verdict; evidence: Evidence } {
  const base = { kind: 'probe' as const, at: now, server, monitor: monitorName(ref) };
  const result = reply.value;
  if (!result) {
    const detail = reply.warnings.join('\n');
    const says = `${probe} gave no result`;
    return { verdict: 'inconclusive', evidence: { ...base, says, sees: 'nothing', ...(detail && { detail }) } };
  }
  const detail = [result.error, result.exception].filter(Boolean).join('\n');
  const evidence = { ...base, says: `${probe} answered ${result.resultType}`, ...(detail && { detail }) };
  switch (result.resultType) {
    case 'Succeeded':
      return { verdict: 'cleared', evidence: { ...evidence, sees: 'healthy' } };
    case 'Failed':
    case 'TimedOut':
      return { verdict: 'confirmed', evidence: { ...evidence, sees: 'unhealthy' } };
    default:
      return { verdict: 'inconclusive', evidence: { ...evidence, sees: 'nothing' } };
  }
}

/** Trouble anywhere is trouble; health is only what was seen everywhere. */
export function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('confirmed')) return 'confirmed';
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'cleared') ? 'cleared' : 'inconclusive';
}
