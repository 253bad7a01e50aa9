import { within } from '../lib/deadline.ts';
import { type CallOptions, ExchangeError } from '../ports/exchange.ts';

/** An answer serves for so many times as long as it took to get: asking takes a small part of the time at most. */
const SERVES = 10;
/** Real milliseconds. */
const SERVES_AT_MOST = 30_000;

/**
 * One question for all who ask at a time, and for those who ask soon after: for what is large, dear, the same for
 * everyone and seldom new. Failures serve only those who wait for them. Each asker's own limits hold for its wait.
 */
export function sharedAnswer<T>(ask: () => Promise<T>): (options?: CallOptions) => Promise<T> {
  let asking: Promise<T> | undefined;
  let fresh: { answer: T; until: number } | undefined;

  async function renew(): Promise<T> {
    const asked = performance.now();
    try {
      const answer = await ask();
      const took = performance.now() - asked;
      fresh = { answer, until: asked + Math.min(SERVES_AT_MOST, took * SERVES) };
      return answer;
    } finally {
      asking = undefined;
    }
  }

  return (options) => {
    if (fresh && performance.now() < fresh.until) return Promise.resolve(fresh.answer);
    fresh = undefined;
    asking ??= renew();
    // The caller's patience; what it waits for goes on without it.
    const { timeLimit, signal } = options ?? {};
    return within(timeLimit, asking, () => new ExchangeError('timedOut', `No answer within ${timeLimit} ms.`), signal);
  };
}
