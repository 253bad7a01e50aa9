import type { Context } from './context.ts';

/** Nothing to do; to review; to fix before the daemon is relied on; not checked because of an earlier problem. */
export type State = 'ok' | 'look' | 'bad' | 'skipped';

/** What a check found, and what to do about it. */
export interface Finding {
  state: State;
  found: string;
  /** One or more lines; a line that starts with two spaces is a command to copy. */
  mend?: string;
}

/** A finding with the name of its check. */
export interface Line extends Finding {
  check: string;
}

export interface Check {
  name: string;
  run(context: Context): Promise<Line[]>;
}

export const ok = (found: string): Finding => ({ state: 'ok', found });
export const look = (found: string, mend: string): Finding => ({ state: 'look', found, mend });
export const bad = (found: string, mend: string): Finding => ({ state: 'bad', found, mend });
export const skipped = (why: string): Finding => ({ state: 'skipped', found: why });

const BY_SEVERITY: readonly State[] = ['bad', 'look', 'ok', 'skipped'];

/** Combines findings about one thing: the worst comes first and gives the state; duplicate instructions are dropped. */
export function lineOf(check: string, ...findings: readonly Finding[]): Line {
  const sorted = [...findings].sort((a, b) => BY_SEVERITY.indexOf(a.state) - BY_SEVERITY.indexOf(b.state));
  const mends = [...new Set(sorted.flatMap(({ mend }) => mend ?? []))];
  const words = sorted.map(({ found }, at) => (at < sorted.length - 1 ? found.replace(/\.$/, '') : found));
  const state = sorted[0]?.state ?? 'skipped';
  return { check, state, found: words.join('; '), ...(mends.length > 0 && { mend: mends.join('\n') }) };
}

/** `1 server`, `3 servers`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** The message of another program as one line, cut to a readable length. */
export function wordsOf(error: unknown): string {
  const words = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}

const LONGEST = 400;
