/**
 * Real milliseconds since it was made. A clock on the wall can be set, back too, and then says less than has passed; the
 * monotonic clock stands still while the machine sleeps. Whichever counted more is believed.
 */
export function stopwatch(): () => number {
  const [wall, steady] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - steady);
}
