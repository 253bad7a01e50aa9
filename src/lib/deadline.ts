/**
 * Waits for some work, at most `ms` real milliseconds (undefined: without limit) and until the signal. Throws what `late`
 * makes, or the signal's reason; the work itself continues unattended.
 */
export function within<T>(
  ms: number | undefined,
  work: Promise<T>,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    const timer = ms === undefined ? undefined : setTimeout(() => reject(late()), ms);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  });
}

/** Waits for some work, at most `ms` real milliseconds, and continues either way. Throws what the work throws by then. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
