import type { Instant } from '../../incident/alert.ts';
import type { Clock } from '../../ports/clock.ts';

/** Where lab time started: `lab now = lab + (real - real at the start) × speed`. */
export interface ClockStart {
  lab: Instant;
  real: number;
  speed: number;
}

export interface LabClock extends Clock {
  /** Time stands still between calls of `advance`; a wait inside the lab then moves it. */
  readonly virtual: boolean;
  /** Only on a virtual clock. Lab milliseconds. */
  advance(ms: number): void;
  /** Lets lab time pass, but never more real milliseconds than `atMostReal`. */
  wait(ms: number, atMostReal?: number): Promise<void>;
  /** What has to be kept so that another process can go on with the same time. */
  readonly start: ClockStart;
}

export function createLabClock(options: {
  speed: number;
  epoch: () => string;
  virtual?: boolean;
  realNow?: () => number;
  /** From the process before; its speed was valid up to now. */
  resume?: ClockStart;
}): LabClock {
  const realNow = options.realNow ?? Date.now;
  const virtual = options.virtual ?? false;
  const real = realNow();
  const resumed = options.resume;
  // Time passed at the old speed while the lab was away; from here on it passes at the new one.
  const lab = resumed ? Math.max(resumed.lab, resumed.lab + (real - resumed.real) * resumed.speed) : real;
  const start: ClockStart = { lab, real, speed: options.speed };
  let latest = lab;

  const now = () => {
    // The wall's clock can be set back; the organisation's never goes back.
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
        // Long waits in parts: a timer holds at most 2^31 ms.
        await new Promise((resolve) => setTimeout(resolve, Math.min(Math.ceil(left), 60_000)));
      }
    },
  };
}
