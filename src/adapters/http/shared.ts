import { setTimeout as sleep } from 'node:timers/promises';

/** Part of the time that may be spent on what anybody may ask: a fifth. */
const REST = 4;
const LONGEST_REST_MS = 1_000;

/**
 * Works something out once for all who ask meanwhile. The next time comes only after a rest of four times as long as it took, a
 * second at most: however often anybody asks, most of the time is left for others. Nobody gets an answer that was old when
 * they asked: those who come during the rest wait, and share the next one.
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

/** Limits how much work of one caller is done at a time; the rest waits its turn. */
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
