import { afterEach, expect, test, vi } from 'vitest';
import { stopwatch } from '../../../src/lib/stopwatch.ts';

afterEach(() => vi.restoreAllMocks());

const HOUR = 3_600_000;

test.each([
  { meanwhile: 'a second passes', wall: 1_000, steady: 1_000, counts: 1_000 },
  { meanwhile: 'the clock on the wall is set back by an hour', wall: 1_000 - HOUR, steady: 1_000, counts: 1_000 },
  {
    meanwhile: 'the clock on the wall is set forward by an hour',
    wall: 1_000 + HOUR,
    steady: 1_000,
    counts: 1_000 + HOUR,
  },
  { meanwhile: 'the machine sleeps for an hour', wall: 1_000 + HOUR, steady: 1_000, counts: 1_000 + HOUR },
])('$meanwhile: it never reports less than has passed', ({ wall, steady, counts }) => {
  const clocks = { wall: 1_700_000_000_000, steady: 5_000 };
  vi.spyOn(Date, 'now').mockImplementation(() => clocks.wall);
  vi.spyOn(performance, 'now').mockImplementation(() => clocks.steady);
  const passed = stopwatch();
  clocks.wall += wall;
  clocks.steady += steady;
  expect(passed()).toBe(counts);
});
