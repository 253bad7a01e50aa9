/** Real milliseconds between two reports of the same message. */
const QUIET_MS = 60_000;
/** Number of different messages remembered; beyond it, counting starts again. */
const MOST = 500;

/**
 * Reports each message at most once a minute, with the number of repetitions: an unreachable store is noticed many
 * times a second.
 */
export function oncePerMinute(report: (says: string) => void, now: () => number = Date.now): (says: string) => void {
  const reported = new Map<string, { at: number; repeats: number }>();
  return (says) => {
    const before = reported.get(says);
    if (before && now() - before.at < QUIET_MS) {
      before.repeats++;
      return;
    }
    if (reported.size >= MOST) reported.clear();
    reported.set(says, { at: now(), repeats: 0 });
    report(before && before.repeats > 0 ? `${says} (and ${before.repeats} times since it was last reported)` : says);
  };
}
