import { singlePlan } from './plan.ts';
import { playAll } from './rounds.ts';

const MINUTE = 60_000;

/** A machine's clock is set, and then its daemon is killed: the next one there goes on by that clock. */
playAll(
  'a clock is set',
  [-60, -2, 2, 60].map((minutes) => {
    const plan = singlePlan(
      `by ${minutes} min, and then its daemon killed`,
      { kind: 'set a clock', shift: minutes * MINUTE },
      { daemons: 1 },
    );
    const [set] = plan.troubles;
    return { ...plan, troubles: set ? [set, { ...set, kind: 'kill a daemon', delay: 3_000 }] : [] };
  }),
  { sideBySide: true },
);
