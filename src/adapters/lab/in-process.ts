import type { Lab } from '../../lab/lab.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Exchange } from '../../ports/exchange.ts';

/** The Exchange port on a lab in this process. `caller` signs the commands that only read. */
export function labExchange(lab: Lab, caller?: string): Exchange {
  return lab.exchange(caller);
}

/** The organisation's time of a lab in this process. */
export function labClock(lab: Lab): Clock {
  return lab.clock;
}
