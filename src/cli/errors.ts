/** Fine; problems found; wrong usage. */
export const EXIT = { fine: 0, problems: 1, usage: 2 } as const;

/** What went wrong in a way that its user can mend: told in a sentence, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/** Options that do not go together, which the parser alone can't see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
