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

/** `grace`: milliseconds after recurrence + time-out until a row counts as stale. */
export interface RowRules {
  grace: number;
}

/**
 * The latest time of a row's next evaluation, counted from `since`; for event-driven rows, of an event after a change.
 */
export function rowDueBy(row: HealthRow, since: Instant, rules: RowRules): Instant {
  return since + ((row.recurrenceSeconds ?? 0) + row.timeoutSeconds) * 1000 + rules.grace;
}

/** Whether a row counts: its monitor was evaluated recently, and after the end of our last change. */
export function isFresh(row: HealthRow, now: Instant, change: OurChange | undefined, rules: RowRules): boolean {
  if (row.isStale) return false;
  if (isEventDriven(row))
    return change === undefined || hasSeen(row, change) || now >= rowDueBy(row, change.ended, rules);
  const { lastExecution } = row;
  if (lastExecution === undefined || (change && lastExecution <= change.ended)) return false;
  // If the server does not report how often a monitor is evaluated, only IsStale shows that a row is too old.
  return row.recurrenceSeconds === undefined || now <= rowDueBy(row, lastExecution, rules);
}

/**
 * Whether an event has set the row since our change. A Healthy set during the change is its result; an Unhealthy may
 * only reflect the service stopping. Without such an event, a row counts once there was time for one.
 */
function hasSeen({ alertValue, lastExecution, lastTransition }: HealthRow, { began, ended }: OurChange): boolean {
  const setAt = Math.max(lastExecution ?? 0, lastTransition ?? 0);
  return setAt > (alertValue === 'Healthy' ? began : ended);
}

/** The verdict of a row alone. Only Healthy and Unhealthy decide; Repairing and Disabled mean hands off. */
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
 * The verdict of one probe run. Only Succeeded is healthy; Failed and TimedOut are unhealthy. Anything else (Poisoned,
 * Quarantined, Rejected, no object at all) means that the probe did not run: inconclusive.
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

/** One confirmed problem is enough; healthy requires every verdict to be healthy. */
export function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('confirmed')) return 'confirmed';
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'cleared') ? 'cleared' : 'inconclusive';
}
