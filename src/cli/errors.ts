/** Exit codes: success, problems found, wrong usage. */
export const EXIT = { fine: 0, problems: 1, usage: 2 } as const;

/** A failure that the user can fix. It is printed as a message, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/**
 * A failure to start that the user can fix: a port in use, a store that is down, a folder without write access. A bug is returned
 * unchanged, with its stack.
 */
export function whyNotStarted(error: unknown): unknown {
  const isDefect = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  if (!(error instanceof Error) || isDefect || error.name === 'ConfigError') return error;
  return new CliError(`Failed to start: ${error.message}`);
}

/** Invalid combinations of options, which the parser can't detect. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a person can correct, such as a wrong file, becomes a CliError: a message without a stack. */
export function inWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isDefect = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
    if (!(error instanceof Error) || isDefect || error.name === 'ConfigError') throw error;
    throw new CliError(error.message);
  }
}
