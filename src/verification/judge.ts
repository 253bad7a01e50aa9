import type { Instant } from '../incident/alert.ts';
import {
  type Evidence,
  isEventDriven,
  type MonitorRef,
  monitorName,
  type OurChange,
  type Verdict,
} from '../incident/health.ts';
import type { HealthRow, ProbeResult, Reply } from '../ports/exchange.ts';

/** How long after its turn a row may come before it is called stale: recurrence + time-out + this. */
export interface RowRules {
  grace: number;
}

/** When a row's next evaluation is in at the latest, counted from `since`; that of an event after a change likewise. */
export function rowDueBy(row: HealthRow, since: Instant, rules: RowRules): Instant {
  return since + ((row.recurrenceSeconds ?? 0) + row.timeoutSeconds) * 1000 + rules.grace;
}

/** A row is believed when its monitor evaluated lately, and after the end of our last change. */
export function isFresh(row: HealthRow, now: Instant, change: OurChange | undefined, rules: RowRules): boolean {
  if (row.isStale) return false;
  if (isEventDriven(row))
    return change === undefined || hasSeen(row, change) || now >= rowDueBy(row, change.ended, rules);
  const { lastExecution } = row;
  if (lastExecution === undefined || (change && lastExecution <= change.ended)) return false;
  // Where the server does not say how often a monitor evaluates, only its own IsStale tells that a row is too old.
  return row.recurrenceSeconds === undefined || now <= rowDueBy(row, lastExecution, rules);
}

/**
 * Whether an event has set the row since our change. Healthy that came in the middle of it came because of it; Unhealthy
 * may only have seen a service stop. A row without such an event counts once one has had time to come.
 */
function hasSeen({ alertValue, lastExecution, lastTransition }: HealthRow, { began, ended }: OurChange): boolean {
  const setAt = Math.max(lastExecution ?? 0, lastTransition ?? 0);
  return setAt > (alertValue === 'Healthy' ? began : ended);
}

/** What a row by itself says. Only Healthy and Unhealthy decide; Repairing and Disabled mean hands off. */
export function judgeRow(
  row: HealthRow | undefined,
  server: string,
  ref: MonitorRef,
  now: Instant,
  change: OurChange | undefined,
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
  if (!isFresh(row, now, change, rules)) {
    const why = row.isStale
      ? 'is stale'
      : change !== undefined && (row.lastExecution ?? 0) <= change.ended
        ? 'was not evaluated since our last change'
        : 'was not evaluated recently';
    const says = `AlertValue of ${monitor} is ${row.alertValue}, but the row ${why}`;
    return { verdict: 'inconclusive', evidence: { ...base, says, sees: 'nothing' } };
  }
  const says = `AlertValue of ${monitor} is ${row.alertValue}`;
  if (row.alertValue === 'Unhealthy') return { verdict: 'confirmed', evidence: { ...base, says, sees: 'unhealthy' } };
  if (row.alertValue === 'Healthy') return { verdict: 'cleared', evidence: { ...base, says, sees: 'healthy' } };
  const hint = { Repairing: ': someone is working on it', Disabled: ': someone switched it off' }[
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
