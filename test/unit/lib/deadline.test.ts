import { describe, expect, test } from 'vitest';
import { atMost, within } from '../../../src/lib/deadline.ts';

const never = new Promise<never>(() => {});
const late = () => new Error('late');

describe('within', () => {
  test('returns the result of the work', async () => {
    await expect(within(60_000, Promise.resolve(1), late)).resolves.toBe(1);
    await expect(within(undefined, Promise.resolve(1), late)).resolves.toBe(1);
  });
  test('throws what the work throws', async () => {
    await expect(within(60_000, Promise.reject(new Error('broken')), late)).rejects.toThrow('broken');
  });
  test('throws when the time is over', async () => {
    await expect(within(0, never, late)).rejects.toThrow('late');
  });
  test.each([
    ['before', AbortSignal.abort(new Error('stopped'))],
    ['meanwhile', AbortSignal.any([AbortSignal.timeout(1)])],
  ])('throws the reason of a signal that came %s', async (_, signal) => {
    const thrown = await within(60_000, never, late, signal).catch((error: unknown) => error);
    expect(thrown).toBe(signal.reason);
  });
});

describe('atMost', () => {
  test('ends when the work or the time ends', async () => {
    await expect(atMost(60_000, Promise.resolve())).resolves.toBeUndefined();
    await expect(atMost(0, never)).resolves.toBeUndefined();
  });
  test('throws what the work throws', async () => {
    await expect(atMost(60_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});
