import { describe, expect, it } from 'vitest';
import { nearest, slips } from '../../../src/config/nearest.ts';

describe('the number of slips between two words', () => {
  it.each([
    ['recheck', 'recheck', 0],
    ['recheck', 'rechek', 1],
    ['recheck', 'rechekc', 1],
    ['ab', 'ba', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('%s → %s: %i', (a, b, distance) => {
    expect(slips(a, b)).toBe(distance);
    expect(slips(b, a)).toBe(distance);
  });
});

describe('the nearest right spelling', () => {
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
