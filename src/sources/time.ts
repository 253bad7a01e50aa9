/** The time formats of SCOM, PowerShell and other senders. */

export const TIME_FORMS = 'use ISO 8601, such as 2024-11-23T10:11:12Z (without a zone it is UTC), or /Date(ms)/';

/** `/Date(1700000000000)/`, optionally with an offset, which only shows where it was written: the number is UTC. */
const POWERSHELL_DATE = /^\\?\/Date\((-?\d{1,16})(?:[+-]\d{4})?\)\\?\/$/;

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i;

/** `11/23/2024 22:11:12` (.NET's invariant form) and `11/23/2024 10:11:12 PM`; a first number above 12 is a day. */
const SLASHES = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AP]M))?)?$/i;

/** `2024/11/23 10:11:12`, as Japanese systems write it. */
const YEAR_FIRST = /^(\d{4})\/(\d{1,2})\/(\d{1,2})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;

/** `23.11.2024 10:11:12`: with dots the day is always first. */
const DOTS = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;

/** .NET's DateTime.MinValue: a time that was never set. */
const NEVER_SET = Date.parse('0001-01-01T00:00:00Z');
const A_DAY = 86_400_000;
/** The last instant that a JavaScript date can hold. */
const LAST = 8.64e15;

/** Epoch milliseconds; undefined for "never set"; `unreadable` if no format matches. */
export function parseTime(value: string): number | undefined | 'unreadable' {
  const parsed = read(value.trim());
  if (parsed === undefined || !Number.isFinite(parsed) || Math.abs(parsed) > LAST) return 'unreadable';
  return Math.abs(parsed - NEVER_SET) <= A_DAY ? undefined : parsed;
}

function read(value: string): number | undefined {
  const date = POWERSHELL_DATE.exec(value);
  if (date) return Number(date[1]);
  const iso = ISO.exec(value);
  if (iso) {
    const [, year, month, day, hour, minute, second, fraction, zone] = iso;
    const wall = utc(year, month, day, hour, minute, second);
    return wall === undefined ? undefined : wall + Math.floor(Number(`0.${fraction ?? 0}`) * 1000) - offset(zone);
  }
  const slashes = SLASHES.exec(value);
  if (slashes) {
    const [, first, second, year, hour, minute, seconds, half] = slashes;
    const dayFirst = Number(first) > 12;
    return utc(year, dayFirst ? second : first, dayFirst ? first : second, clock(hour, half), minute, seconds);
  }
  const yearFirst = YEAR_FIRST.exec(value);
  if (yearFirst) return utc(yearFirst[1], yearFirst[2], yearFirst[3], yearFirst[4], yearFirst[5], yearFirst[6]);
  const dots = DOTS.exec(value);
  return dots ? utc(dots[3], dots[2], dots[1], dots[4], dots[5], dots[6]) : undefined;
}

/** Undefined for a day or an hour that does not exist, which Date would roll over. */
function utc(year = '', month = '', day = '', hour = '0', minute = '0', second = '0'): number | undefined {
  const [y, m, d, h, min, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (h > 23 || min > 59 || s > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(y, m - 1, d);
  if (date.getUTCMonth() !== m - 1 || date.getUTCDate() !== d) return undefined;
  return date.setUTCHours(h, min, s);
}

function offset(zone: string | undefined): number {
  if (!zone || zone.toUpperCase() === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

function clock(hour: string | undefined, half: string | undefined): string | undefined {
  if (hour === undefined || half === undefined) return hour;
  return String((Number(hour) % 12) + (half.toUpperCase() === 'PM' ? 12 : 0));
}
