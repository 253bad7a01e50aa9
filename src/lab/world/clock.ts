import type { Instant } from '../../incident/alert.ts';
import type { Clock } from '../../ports/clock.ts';

/** The origin of lab time: `lab now = lab + (real - real at the start) × speed`. */
export interface ClockStart {
  lab: Instant;
  real: number;
  speed: number;
}

export interface LabClock extends Clock {
  /** Time advances only with `advance` and waits inside the lab. */
  readonly virtual: boolean;
  /** Only on a virtual clock. Lab milliseconds. */
  advance(ms: number): void;
  /** Waits for lab time to pass, but no longer than `atMostReal` real milliseconds. */
  wait(ms: number, atMostReal?: number): Promise<void>;
  /** The state that must be saved so that another process can continue with the same time. */
  readonly start: ClockStart;
}

export function createLabClock(options: {
  speed: number;
  epoch: () => string;
  virtual?: boolean;
  realNow?: () => number;
  /** From the previous process, whose speed applied until now. */
  resume?: ClockStart;
}): LabClock {
  const realNow = options.realNow ?? Date.now;
  const virtual = options.virtual ?? false;
  const real = realNow();
  const resumed = options.resume;
  // Time passed at the old speed while the lab was not running; from now on it passes at the new one.
  const lab = resumed ? Math.max(resumed.lab, resumed.lab + (real - resumed.real) * resumed.speed) : real;
  const start: ClockStart = { lab, real, speed: options.speed };
  let latest = lab;

  const now = () => {
    // Wall-clock time can be set back; the organisation's time never goes back.
    if (!virtual) latest = Math.max(latest, Math.floor(start.lab + (realNow() - start.real) * start.speed));
    return latest;
  };

  return {
    speed: options.speed,
    virtual,
    start,
    now,
    get epoch() {
      return options.epoch();
    },
    advance(ms) {
      if (!virtual) throw new Error('Only a virtual clock can be advanced by hand.');
      if (!(ms >= 0)) throw new Error(`The clock cannot be advanced by ${ms} ms.`);
      latest += ms;
    },
    async wait(ms, atMostReal = Number.POSITIVE_INFINITY) {
      if (virtual) {
        latest += ms;
        return;
      }
      const until = now() + ms;
      const deadline = realNow() + atMostReal;
      for (;;) {
        const left = Math.min((until - now()) / start.speed, deadline - realNow());
        if (left <= 0) return;
        // Long waits are split, because a timer can wait at most 2^31 ms.
        await new Promise((resolve) => setTimeout(resolve, Math.min(Math.ceil(left), 60_000)));
      }
    },
  };
}
