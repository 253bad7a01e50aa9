import { setTimeout as sleep } from 'node:timers/promises';

/** Maximum share of time for requests without authentication: a fifth. */
const REST = 4;
const LONGEST_REST_MS = 1_000;

/**
 * Computes a response once for all concurrent requests, then pauses for four times as long, up to a second, so that most of the
 * time is left for others. No caller gets a response that is older than its request: requests during the pause wait for the next.
 */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  let rested: Promise<unknown> = Promise.resolve();
  async function again(): Promise<T> {
    await rested;
    const began = performance.now();
    try {
      return await work();
    } finally {
      const took = performance.now() - began;
      rested = sleep(Math.min(LONGEST_REST_MS, REST * took), undefined, { ref: false });
      underWay = undefined;
    }
  }
  return () => {
    underWay ??= again();
    return underWay;
  };
}

/** Limits the concurrent work of each caller; the rest waits. */
export class AtATime {
  readonly #most: number;
  readonly #callers = new Map<string, { inside: number; waiting: (() => void)[] }>();

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(who: string, work: () => Promise<T> | T): Promise<T> {
    const caller = this.#callers.get(who) ?? { inside: 0, waiting: [] };
    this.#callers.set(who, caller);
    if (caller.inside < this.#most) caller.inside += 1;
    else await new Promise<void>((resolve) => caller.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = caller.waiting.shift();
      if (next) next();
      else {
        caller.inside -= 1;
        if (caller.inside === 0) this.#callers.delete(who);
      }
    }
  }
}
