/** Maximum number of examples in a note. */
const EXAMPLES = 4;

/** Differences between the lab and the recording: one sentence for each kind, with examples. */
export class Notes {
  private readonly kinds = new Map<string, Set<string>>();

  /** `kind` is a sentence without its full stop, to which a list is appended. */
  add(kind: string, where: string): void {
    this.kinds.set(kind, (this.kinds.get(kind) ?? new Set()).add(where));
  }

  list(): string[] {
    return [...this.kinds].map(([kind, where]) => {
      const named = [...where].slice(0, EXAMPLES).join(', ');
      return `${kind}: ${named}${where.size > EXAMPLES ? ` and ${where.size - EXAMPLES} more` : ''}`;
    });
  }
}
