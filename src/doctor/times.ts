import type { Instant } from '../incident/alert.ts';
import type { HealthRow } from '../ports/exchange.ts';
import { bad, count, type Finding, look, ok } from './check.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HALF_HOUR = 30 * MINUTE;

/** Milliseconds by which clocks may differ before it is worth a look, and before evidence means something else. */
const SKEW = { look: 2 * SECOND, bad: 30 * SECOND };

/** A clock that is ahead of this machine's by so much, give or take `within`. */
export function judgeClock(ahead: number, within: number, server: string): Finding {
  const off = Math.abs(ahead);
  // What the way there took is no difference of clocks.
  const surely = off - within;
  if (surely <= SKEW.look) return ok(`clock ${seconds(off)} off`);
  const found = `its clock is ${seconds(off)} ${ahead > 0 ? 'ahead of' : 'behind'} this machine’s`;
  const mend = `What counts as evidence goes by times. See which of the two is wrong, and have it synchronised:\n  w32tm /query /status\n  w32tm /query /status /computer:${server}\n  w32tm /resync /computer:${server}`;
  return surely <= SKEW.bad ? look(found, mend) : bad(found, mend);
}

export interface Rows {
  rows: readonly HealthRow[];
  /** When they were read, by the organisation's clock. */
  at: Instant;
  /** How far clocks are apart, as is known. */
  skew: number;
  /** What times mean that come without saying it, and by how much local time is ahead of UTC there; absent where they always say it. */
  unspecified?: { reads: 'utc' | 'local'; utcOffset: number; machine: string };
  server: string;
}

/** Rows that say more than this share of them is stale are worth a look. */
const STALE_SHARE = 0.1;
/** How much later than its recurrence a monitor may be, and how far ahead a clock. */
const LATE = 5 * MINUTE;
const EARLY = 2 * MINUTE;

/** What Get-ServerHealth gave: whether it is fresh, and whether its times are what they are taken for. */
export function judgeRows({ rows, at, skew, unspecified, server }: Rows): Finding[] {
  const manager = `Its health manager does not evaluate them. On ${server}, and rows are fresh a few minutes later:\n  Restart-Service MSExchangeHM`;
  if (rows.length === 0) return [bad('Get-ServerHealth gives no rows', manager)];
  const stale = rows.filter(({ isStale }) => isStale).length;
  const says = `Get-ServerHealth gives ${count(rows.length, 'row')}, ${stale === 0 ? 'none' : stale} stale`;
  const freshness = stale > rows.length * STALE_SHARE ? look(says, manager) : ok(says);
  const newest = newestOf(rows.filter(({ isStale }) => !isStale));
  if (!newest) return [freshness];
  const age = at - newest.at;
  const fits = (one: number) => one >= -EARLY - skew && one <= newest.recurrence + LATE + skew;
  if (fits(age)) return [freshness, ok(`the newest ${seconds(Math.max(0, age))} old`)];
  const off = `the newest is said to have been evaluated ${span(Math.abs(age))} ${age < 0 ? 'from now' : 'ago'}`;
  return [freshness, explained(off, age, fits, newest.recurrence, unspecified)];
}

/** Fresh rows whose times are not: read as UTC what is local time, or the other way round. */
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
        `${off}: times come as ${means[other]}, and are read as ${means[reads]}`,
        `In the configuration:\n  exchange: { unspecified-times: ${other} }`,
      );
    }
    if (isHalfHours(age, recurrence)) {
      return bad(
        `${off}: times come in another time zone than that of ${machine}, where PowerShell runs`,
        `Give ${machine} the time zone of the servers, and set exchange.unspecified-times: local.`,
      );
    }
  }
  return look(off, 'See whether clocks and time zones of the two machines are right; evidence rests on these times.');
}

/** Near a whole number of half hours, and not near none. */
function isHalfHours(age: number, recurrence: number): boolean {
  // As old as a fresh row may be: from nothing to its recurrence.
  const rest = age - Math.round(age / HALF_HOUR) * HALF_HOUR;
  return Math.abs(age) > HALF_HOUR / 2 && rest >= -EARLY && rest <= Math.min(recurrence + EARLY, HALF_HOUR / 3);
}

/** Of the rows that a clock drives: one that an event set may be as old as that event. */
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
