/** Fine; problems found; wrong usage. */
export const EXIT = { fine: 0, problems: 1, usage: 2 } as const;

/** What went wrong in a way that its user can mend: told in a sentence, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/**
 * What keeps something from starting, as its user can mend it: a port that is taken, a store that is away, a folder that
 * may not be written. A defect of ours stays as it is, with its stack.
 */
export function whyNotStarted(error: unknown): unknown {
  const isDefect = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  if (!(error instanceof Error) || isDefect || error.name === 'ConfigError') return error;
  return new CliError(`Failed to start: ${error.message}`);
}

/** Options that do not go together, which the parser alone can't see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
