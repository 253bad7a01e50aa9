import { expect, test } from 'vitest';
import { seldom } from '../../../src/lib/seldom.ts';

function listener() {
  const told: string[] = [];
  let now = 0;
  const say = seldom(
    (says) => told.push(says),
    () => now,
  );
  return { told, say, pass: (ms: number) => (now += ms) };
}

test('a sentence that is said again and again is told once a minute, with how often', () => {
  const { told, say, pass } = listener();
  for (let second = 0; second < 90; second++) {
    say('away');
    pass(1_000);
  }
  expect(told).toEqual(['away', 'away (and 59 times since it was last reported)']);
});

test('another sentence is told at once', () => {
  const { told, say } = listener();
  say('away');
  say('refuses');
  say('away');
  expect(told).toEqual(['away', 'refuses']);
});

test('a sentence that was said once is told without a count', () => {
  const { told, say, pass } = listener();
  say('away');
  pass(60_000);
  say('away');
  expect(told).toEqual(['away', 'away']);
});

test('however many different sentences there are, each is told', () => {
  const { told, say } = listener();
  for (let n = 0; n < 5_000; n++) say(`incident ${n}`);
  expect(told).toHaveLength(5_000);
});
