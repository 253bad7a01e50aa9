/** Parsers of option values. */
import { InvalidArgumentError } from 'commander';
import { positiveDuration, instant as written } from '../config/schema.ts';

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** 0 selects a free port. */
export function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
  }
  return Number(text);
}

export function speed(text: string): number {
  const value = Number(text);
  if (!(value > 0) || value > 100_000) throw new InvalidArgumentError('It must be a number above 0, at most 100000.');
  return value;
}

/** `90s`, `3m`, in milliseconds. */
export function howLong(text: string): number {
  const read = positiveDuration.safeParse(text);
  if (!read.success) throw new InvalidArgumentError('It must be a duration, such as 90s or 3m.');
  return read.data;
}

/** `a,b` */
export function serverNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) throw new InvalidArgumentError('It must be names, separated by commas: a,b.');
  return [...new Set(names)];
}

/** A time in ISO 8601, with its offset. */
export function instant(text: string): number {
  const read = written.safeParse(text);
  if (!read.success) throw new InvalidArgumentError(`It ${read.error.issues[0]?.message}.`);
  return read.data;
}

/** `2h` before now, or a time in ISO 8601. */
export function since(text: string): string {
  const ago = positiveDuration.safeParse(text);
  if (ago.success) return new Date(Date.now() - ago.data).toISOString();
  if (/^\d{4}-\d\d-\d\d/.test(text) && Number.isFinite(Date.parse(text))) return new Date(text).toISOString();
  const forms = ['2h', '1d', '2025-01-31', '2025-01-31T12:00:00+09:00'];
  throw new InvalidArgumentError(`It must be a time or how long ago it was: ${forms.join(', ')}.`);
}
