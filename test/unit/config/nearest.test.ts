import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/config/nearest.ts';

describe('the edit distance of two words', () => {
  it.each([
    ['recheck', 'recheck', 0],
    ['recheck', 'rechek', 1],
    ['recheck', 'rechekc', 1],
    ['ab', 'ba', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('%s → %s: %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('the nearest correct spelling', () => {
  const steps = ['recheck', 'restart-service', 'restart-server', 'wait'];
  it.each([
    ['rechek', 'recheck'],
    ['Restart-Servic', 'restart-service'],
    ['restart-sevrer', 'restart-server'],
    ['wiat', 'wait'],
  ])('%s means %s', (written, meant) => expect(nearest(written, steps)).toBe(meant));

  it.each(['reboot-everything', 'x', '', 'wait'.repeat(10_000_000)])('"%.30s" means none of them', (written) => {
    expect(nearest(written, steps)).toBeUndefined();
  });
});
