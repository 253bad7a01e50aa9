import { expect, test } from 'vitest';
import { oncePerMinute } from '../../../src/lib/once-per-minute.ts';

function listener() {
  const told: string[] = [];
  let now = 0;
  const say = oncePerMinute(
    (says) => told.push(says),
    () => now,
  );
  return { told, say, pass: (ms: number) => (now += ms) };
}

test('a repeated message is logged once a minute, with its count', () => {
  const { told, say, pass } = listener();
  for (let second = 0; second < 90; second++) {
    say('away');
    pass(1_000);
  }
  expect(told).toEqual(['away', 'away (and 59 times since it was last reported)']);
});

test('another message is logged immediately', () => {
  const { told, say } = listener();
  say('away');
  say('refuses');
  say('away');
  expect(told).toEqual(['away', 'refuses']);
});

test('a message that occurred once is logged without a count', () => {
  const { told, say, pass } = listener();
  say('away');
  pass(60_000);
  say('away');
  expect(told).toEqual(['away', 'away']);
});

test('however many different messages there are, each is logged', () => {
  const { told, say } = listener();
  for (let n = 0; n < 5_000; n++) say(`incident ${n}`);
  expect(told).toHaveLength(5_000);
});
