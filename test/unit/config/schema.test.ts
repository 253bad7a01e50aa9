import { describe, expect, it } from 'vitest';
import { duration, positiveDuration, size, writeDuration } from '../../../src/config/schema.ts';

const complaintOf = (schema: typeof duration | typeof size, value: unknown) =>
  schema.safeParse(value).error?.issues[0]?.message;

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => expect(duration.parse(text)).toBe(ms));

  it('as a bare number is refused with the likely spellings', () => {
    expect(complaintOf(duration, 10)).toBe('has no unit: write "10s" or "10m"');
  });

  it.each(['10', '10 m', '-5m', '1w', 'ten minutes', '', '1h30m', '5M'])('"%s" is refused', (text) => {
    expect(complaintOf(duration, text)).toContain('is not a duration');
  });

  it('of zero is refused if time must pass', () => {
    expect(complaintOf(positiveDuration, '0s')).toBe('must be greater than zero');
    expect(positiveDuration.parse('1ms')).toBe(1);
  });

  it.each([
    [600_000, '10m'],
    [5_400_000, '90m'],
    [86_400_000, '1d'],
    [1500, '1500ms'],
    [0, '0ms'],
  ])('%i ms is written %s', (ms, text) => expect(writeDuration(ms)).toBe(text));
});

describe('a size', () => {
  it.each([
    ['1mb', 1_048_576],
    ['512KB', 524_288],
    ['10b', 10],
  ])('%s is %i bytes', (text, bytes) => expect(size.parse(text)).toBe(bytes));

  it('as a bare number is refused with the likely spellings', () => {
    expect(complaintOf(size, 2)).toBe('has no unit: write "2kb" or "2mb"');
  });
});
