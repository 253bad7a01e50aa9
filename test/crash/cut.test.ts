import { type Plan, singlePlan } from './plan.ts';
import type { Cut } from './redis-gate.ts';
import { EVERYTHING, playAll } from './rounds.ts';

/** Cut off from Redis: one daemon of two, and all; resets and refusals, and a line on which nothing moves. */
function cutFor(seconds: number, whom: 'one' | 'all', how: Cut, killSwitch: boolean): Plan {
  return singlePlan(`${whom} for ${seconds} s, ${how}${killSwitch ? ', the kill switch on meanwhile' : ''}`, {
    kind: whom === 'one' ? 'cut a daemon off from Redis' : 'cut all off from Redis',
    ms: seconds * 1_000,
    how,
    killSwitch,
  });
}

const everything = [5, 30, 90].flatMap((seconds) =>
  (['one', 'all'] as const).flatMap((whom) =>
    (['refuse', 'hold'] as const).flatMap((how) =>
      [false, true].map((killSwitch) => cutFor(seconds, whom, how, killSwitch)),
    ),
  ),
);
const sample = [
  cutFor(5, 'one', 'refuse', true),
  cutFor(5, 'all', 'hold', false),
  cutFor(30, 'one', 'hold', true),
  cutFor(90, 'all', 'refuse', true),
];

playAll('cut off from Redis', EVERYTHING ? everything : sample, { sideBySide: true });
