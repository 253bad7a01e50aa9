/**
 * Ends the process once all is written: libraries of a daemon that ran in it leave timers behind that would keep it for
 * seconds.
 */
export async function leave(code: 0 | 1): Promise<never> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  process.exit(code);
}
