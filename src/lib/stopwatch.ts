/**
 * Returns the real milliseconds since its creation. The wall clock can be set back; the monotonic clock stops while the
 * machine sleeps. The larger of the two counts.
 */
export function stopwatch(): () => number {
  const [wall, steady] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - steady);
}
