/**
 * Value types that configuration and playbooks share. Zod validates them; the JSON Schema for editors is generated from
 * them.
 */
import { z } from 'zod';

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const SIZE = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i;
const SIZE_UNITS: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/**
 * `500ms`, `30s`, `10m`, `2h`, `1d` → milliseconds. A bare number is refused because its unit is unclear. Set a default
 * in the written form: `.prefault('10m')`.
 */
export const duration = z
  .string({ error: (issue) => unitMissing(issue.input, 'a duration, such as "30s", "10m" or "2h"', 's', 'm') })
  .regex(DURATION, 'is not a duration: write a number and its unit, such as "500ms", "30s", "10m", "2h" or "1d"')
  .transform((text) => measure(text, DURATION, DURATION_UNITS))
  .meta({ title: 'duration' });

/** A duration greater than zero. */
export const positiveDuration = duration.refine((ms) => ms > 0, 'must be greater than zero');

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;

/** `2026-12-08T22:30+01:00` → milliseconds since 1970. A time without its offset is refused, because it depends on the machine. */
export const instant = z
  .string({ error: 'must be a time with its offset, such as 2026-12-08T22:30+01:00' })
  .refine((text) => INSTANT.test(text) && Number.isFinite(Date.parse(text)), {
    error: 'must be a time with its offset, such as 2026-12-08T22:30+01:00',
  })
  .transform((text) => Date.parse(text))
  .meta({ title: 'time with its offset' });

/** `512kb`, `1mb` → bytes (binary multiples). */
export const size = z
  .string({ error: (issue) => unitMissing(issue.input, 'a size, such as "512kb" or "1mb"', 'kb', 'mb') })
  .regex(SIZE, 'is not a size: write a number and its unit, such as "512kb" or "1mb"')
  .transform((text) => measure(text, SIZE, SIZE_UNITS))
  .meta({ title: 'size' });

/** A regular expression as text; it must compile. */
export const pattern = z.string().superRefine((text, context) => {
  try {
    new RegExp(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is not a regular expression: ${(error as Error).message}` });
  }
});

/** Whether a URL holds a user or password: fetch refuses such a URL, and errors would show it. */
export function hasLogin(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

/** Whether a URL that appears in messages may hold a secret. */
export const hasSecret = (url: string): boolean => hasLogin(url) || /[?#@]/.test(url);

/** Milliseconds → the shortest written form: 600000 → `10m`. */
export function writeDuration(ms: number): string {
  const fitting = Object.entries(DURATION_UNITS)
    .reverse()
    .find(([, unit]) => ms >= unit && ms % unit === 0);
  return fitting ? `${ms / fitting[1]}${fitting[0]}` : `${ms}ms`;
}

function unitMissing(input: unknown, wanted: string, ...units: string[]): string {
  if (typeof input !== 'number') return `must be ${wanted}`;
  return `has no unit: write ${units.map((unit) => `"${input}${unit}"`).join(' or ')}`;
}

function measure(text: string, form: RegExp, units: Record<string, number>): number {
  const [, amount = '', unit = ''] = form.exec(text) ?? [];
  return Math.round(Number(amount) * (units[unit.toLowerCase()] ?? Number.NaN));
}
