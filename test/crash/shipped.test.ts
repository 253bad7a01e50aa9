import { planOf } from './plan.ts';
import { playAll, seeds } from './rounds.ts';

playAll(
  'several troubles',
  seeds(4).map((seed) => planOf(seed, 'shipped')),
  { sideBySide: false },
);
