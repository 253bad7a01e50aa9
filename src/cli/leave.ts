/** Exits when all output is written. Timers of libraries of a daemon in this process would delay the exit by seconds. */
export async function leave(code: 0 | 1): Promise<never> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  process.exit(code);
}
