import type { Instant } from '../incident/alert.ts';
import type { HealthRow } from '../ports/exchange.ts';
import { bad, count, type Finding, look, ok } from './check.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HALF_HOUR = 30 * MINUTE;

/** Differences between clocks, in milliseconds, that are to review, and that make evidence unreliable. */
const SKEW = { look: 2 * SECOND, bad: 30 * SECOND };

/** Judges a clock that is `ahead` milliseconds ahead of this machine's, give or take `within`. */
export function judgeClock(ahead: number, within: number, server: string): Finding {
  const off = Math.abs(ahead);
  // The time of the round trip is not a difference between the clocks.
  const surely = off - within;
  if (surely <= SKEW.look) return ok(`clock ${seconds(off)} off`);
  const found = `its clock is ${seconds(off)} ${ahead > 0 ? 'ahead of' : 'behind'} this machine’s`;
  const advice = `Evidence depends on timestamps. Find out which of the two clocks is wrong and synchronise it:\n  w32tm /query /status\n  w32tm /query /status /computer:${server}\n  w32tm /resync /computer:${server}`;
  return surely <= SKEW.bad ? look(found, advice) : bad(found, advice);
}

export interface Rows {
  rows: readonly HealthRow[];
  /** When the rows were read, by the organisation's clock. */
  at: Instant;
  /** Known difference between the clocks, in milliseconds. */
  skew: number;
  /** How times without a time zone are read, and how far local time is ahead of UTC there; absent if all times have a zone. */
  unspecified?: { reads: 'utc' | 'local'; utcOffset: number; machine: string };
  server: string;
}

/** A larger share of stale rows is to review. */
const STALE_SHARE = 0.1;
/** How much later than its recurrence a monitor may run, and how far ahead its clock may be. */
const LATE = 5 * MINUTE;
const EARLY = 2 * MINUTE;

/** Judges Get-ServerHealth rows: whether they are fresh and their times are read correctly. */
export function judgeRows({ rows, at, skew, unspecified, server }: Rows): Finding[] {
  const manager = `The health manager is not evaluating its monitors. Restart it on ${server}; rows are fresh a few minutes later:\n  Restart-Service MSExchangeHM`;
  if (rows.length === 0) return [bad('Get-ServerHealth gives no rows', manager)];
  const stale = rows.filter(({ isStale }) => isStale).length;
  const says = `Get-ServerHealth gives ${count(rows.length, 'row')}, ${stale === 0 ? 'none' : stale} stale`;
  const freshness = stale > rows.length * STALE_SHARE ? look(says, manager) : ok(says);
  const newest = newestOf(rows.filter(({ isStale }) => !isStale));
  if (!newest) return [freshness];
  const age = at - newest.at;
  const fits = (one: number) => one >= -EARLY - skew && one <= newest.recurrence + LATE + skew;
  if (fits(age)) return [freshness, ok(`the newest ${seconds(Math.max(0, age))} old`)];
  const off = `the newest timestamp is ${span(Math.abs(age))} in the ${age < 0 ? 'future' : 'past'}`;
  return [freshness, explained(off, age, fits, newest.recurrence, unspecified)];
}

/** Explains fresh rows with wrong times: local time read as UTC, or the reverse. */
function explained(
  off: string,
  age: number,
  fits: (age: number) => boolean,
  recurrence: number,
  unspecified: Rows['unspecified'],
): Finding {
  if (unspecified) {
    const { reads, utcOffset, machine } = unspecified;
    const other = reads === 'utc' ? 'local' : 'utc';
    const means = { utc: 'UTC', local: 'local time' };
    if (utcOffset !== 0 && fits(age + (reads === 'utc' ? utcOffset : -utcOffset))) {
      return bad(
        `${off}: times are in ${means[other]} but are read as ${means[reads]}`,
        `Add this to the configuration:\n  exchange: { unspecified-times: ${other} }`,
      );
    }
    if (isHalfHours(age, recurrence)) {
      return bad(
        `${off}: times are in another time zone than that of ${machine}, which runs PowerShell`,
        `Set ${machine} to the time zone of the servers, and set exchange.unspecified-times: local.`,
      );
    }
  }
  return look(off, 'Check the clocks and time zones of both machines; evidence depends on these times.');
}

/** Close to a whole number of half hours, but not to zero. */
function isHalfHours(age: number, recurrence: number): boolean {
  // A fresh row may be up to its recurrence old.
  const rest = age - Math.round(age / HALF_HOUR) * HALF_HOUR;
  return Math.abs(age) > HALF_HOUR / 2 && rest >= -EARLY && rest <= Math.min(recurrence + EARLY, HALF_HOUR / 3);
}

/** The newest of the rows with a recurrence: others are as old as the event that set them. */
function newestOf(rows: readonly HealthRow[]): { at: Instant; recurrence: number } | undefined {
  let newest: { at: Instant; recurrence: number } | undefined;
  for (const { lastExecution, recurrenceSeconds } of rows) {
    if (lastExecution === undefined || !recurrenceSeconds || (newest && newest.at >= lastExecution)) continue;
    newest = { at: lastExecution, recurrence: recurrenceSeconds * SECOND };
  }
  return newest;
}

const seconds = (ms: number): string => {
  const value = ms / SECOND;
  return value < 10 ? `${value.toFixed(1)} s` : value < 120 ? `${Math.round(value)} s` : span(ms);
};

/** `9 h`, `5 h 30 min`, `12 min`. */
function span(ms: number): string {
  const minutes = Math.round(ms / MINUTE);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours > 0 && `${hours} h`, (rest > 0 || hours === 0) && `${rest} min`].filter(Boolean).join(' ');
}
