/** So many examples stand in a note. */
const EXAMPLES = 4;

/** What a lab can't do as the organisation did it: a sentence for each kind, with where it is so. */
export class Notes {
  private readonly kinds = new Map<string, Set<string>>();

  /** `kind` ends in words that a list can follow. */
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
