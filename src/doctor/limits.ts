import { within } from '../lib/deadline.ts';

/** A check that exceeded its time limit. */
export class Late extends Error {
  constructor(limit: number) {
    super(`no answer within ${limit / 1000} s`);
  }
}

/** Waits for work until its time limit or the signal. Throws Late, or the signal's reason. */
export const inTime = <T>(work: Promise<T>, limit: number, signal: AbortSignal): Promise<T> =>
  // A separate signal, because Node warns about more than ten listeners on one.
  within(limit, work, () => new Late(limit), AbortSignal.any([signal]));

/** Runs work for each item, at most `most` at a time; the results are in the order of the items. */
export async function sideBySide<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
  signal: AbortSignal,
): Promise<R[]> {
  const answers: R[] = [];
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) {
      signal.throwIfAborted();
      answers[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return answers;
}
