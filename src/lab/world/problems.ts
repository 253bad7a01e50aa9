/** A problem of an input. */
export interface Problem {
  /** A JSON pointer, or a position in a file. */
  pointer: string;
  message: string;
}

export class LabProblems extends Error {
  override readonly name = 'LabProblems';
  readonly problems: Problem[];
  constructor(summary: string, problems: Problem[]) {
    super([summary, ...problems.map((each) => `  ${each.pointer || '/'}: ${each.message}`)].join('\n'));
    this.problems = problems;
  }
}

/** Throws with one problem. */
export function problem(pointer: string, message: string): never {
  throw new LabProblems('The lab cannot do this', [{ pointer, message }]);
}

/** Zod's issues as problems. */
export function fromIssues(issues: readonly { path: PropertyKey[]; message: string }[]): Problem[] {
  return issues.map((issue) => ({
    pointer: issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    message: issue.message,
  }));
}

/** The known name with the fewest typing errors, if they are few. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, 60).toLowerCase();
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const errors = typingErrors(wanted, candidate.toLowerCase());
    if (errors < fewest) {
      fewest = errors;
      best = candidate;
    }
  }
  return best;
}

/** `unknown "imap-backend-hung"; did you mean "imap-backend-hang"? Known: …`. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `unknown ${what} ${JSON.stringify(name.slice(0, 60))}${meant ? `; did you mean "${meant}"?` : '.'} Known: ${known.join(', ')}`;
}

/** Levenshtein's distance. */
function typingErrors(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
