/** What is asked did not answer in time. */
export class Late extends Error {
  constructor(limit: number) {
    super(`no answer within ${limit / 1000} s`);
  }
}

/** What some work brings, unless its time is over or the signal comes before it. */
export async function inTime<T>(work: Promise<T>, limit: number, signal: AbortSignal): Promise<T> {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(new Late(limit)), limit);
  const either = AbortSignal.any([stop.signal, signal]);
  try {
    return await new Promise<T>((resolve, reject) => {
      const over = () => reject(either.reason);
      if (either.aborted) return over();
      either.addEventListener('abort', over, { once: true });
      work.then(resolve, reject);
    });
  } finally {
    clearTimeout(late);
  }
}

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
