import { planOf } from './plan.ts';
import { playAll, seeds } from './rounds.ts';

playAll(
  'on playbooks that nobody wrote',
  seeds(3).map((seed) => planOf(seed, 'unseen')),
  { sideBySide: false },
);
