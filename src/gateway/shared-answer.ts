import { within } from '../lib/deadline.ts';
import { type CallOptions, ExchangeError } from '../ports/exchange.ts';

/** An answer is reused for this many times as long as it took to get, so asking takes a small share of the time. */
const REUSE_FACTOR = 10;
/** The longest reuse, in real milliseconds. */
const LONGEST_REUSE = 30_000;

/**
 * One request for all concurrent callers and those soon after. For answers that are large, expensive, the same for
 * everyone and rarely change. A failure is passed only to current callers. Each caller's own limits apply to its wait.
 */
export function sharedAnswer<T>(ask: () => Promise<T>): (options?: CallOptions) => Promise<T> {
  let asking: Promise<T> | undefined;
  let fresh: { answer: T; until: number } | undefined;

  async function renew(): Promise<T> {
    const asked = performance.now();
    try {
      const answer = await ask();
      const took = performance.now() - asked;
      fresh = { answer, until: asked + Math.min(LONGEST_REUSE, took * REUSE_FACTOR) };
      return answer;
    } finally {
      asking = undefined;
    }
  }

  return (options) => {
    if (fresh && performance.now() < fresh.until) return Promise.resolve(fresh.answer);
    fresh = undefined;
    asking ??= renew();
    // Limits only the caller's wait; the request itself goes on.
    const { timeLimit, signal } = options ?? {};
    return within(timeLimit, asking, () => new ExchangeError('timedOut', `No answer within ${timeLimit} ms.`), signal);
  };
}
