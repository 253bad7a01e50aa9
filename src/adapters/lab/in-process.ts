import type { Lab } from '../../lab/lab.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Exchange } from '../../ports/exchange.ts';

/** The Exchange port of a lab in this process. `caller` is logged as the caller of read commands. */
export function labExchange(lab: Lab, caller?: string): Exchange {
  return lab.exchange(caller);
}

/** The clock of a lab in this process. */
export function labClock(lab: Lab): Clock {
  return lab.clock;
}
