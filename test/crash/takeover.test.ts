import type { Exact } from './exact.ts';
import { exactPlan } from './plan.ts';
import { PROCEDURES, type Procedure } from './procedures.ts';
import { EVERYTHING, playAll } from './rounds.ts';

/** With the lease that is shipped: with another daemon alive, and with none until the killed one is started again. */
const procedures = EVERYTHING ? PROCEDURES : PROCEDURES.slice(0, 1);
const exact: Exact = { of: 'append', when: 'after', signal: 'SIGKILL', every: EVERYTHING ? 3 : 6, offset: 1 };

playAll(
  'takeover',
  [1, 2].flatMap((daemons) =>
    procedures.map((procedure: Procedure) => exactPlan({ procedure, exact }, { lease: '5s', daemons })),
  ),
  { sideBySide: true },
);
