import { within } from '../lib/deadline.ts';

/** What is asked did not answer in time. */
export class Late extends Error {
  constructor(limit: number) {
    super(`no answer within ${limit / 1000} s`);
  }
}

/** Waits for some work until its time is over or the signal comes. Throws Late, or the signal's reason. */
export const inTime = <T>(work: Promise<T>, limit: number, signal: AbortSignal): Promise<T> =>
  // A signal of its own: Node warns when more than ten listen to one.
  within(limit, work, () => new Late(limit), AbortSignal.any([signal]));

/** Does something for each, at most so many side by side; the answers stand in the order of what was asked. */
export async function sideBySide<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
  signal: AbortSignal,
): Promise<R[]> {
  const answers: R[] = [];
  const left = items.entries();
  const walk = async () => {
    for (const [index, item] of left) {
      signal.throwIfAborted();
      answers[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, walk));
  return answers;
}
