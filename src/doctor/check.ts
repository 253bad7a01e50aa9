import type { Context } from './context.ts';

/** Right; worth a look; to be mended before the daemon is trusted; could not be looked at, as something before it is bad. */
export type State = 'ok' | 'look' | 'bad' | 'skipped';

/** What was found, and what to do where it is not as it should be. */
export interface Finding {
  state: State;
  found: string;
  /** Several lines, maybe; one that begins with two blanks is there to be copied. */
  mend?: string;
}

/** One thing that was looked at. */
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

const GRAVEST: readonly State[] = ['bad', 'look', 'ok', 'skipped'];

/** Several findings about one thing as one line: as grave as the gravest, which comes first, and nothing to do said twice. */
export function lineOf(check: string, ...findings: readonly Finding[]): Line {
  const sorted = [...findings].sort((a, b) => GRAVEST.indexOf(a.state) - GRAVEST.indexOf(b.state));
  const mends = [...new Set(sorted.flatMap(({ mend }) => mend ?? []))];
  const words = sorted.map(({ found }, at) => (at < sorted.length - 1 ? found.replace(/\.$/, '') : found));
  const state = sorted[0]?.state ?? 'skipped';
  return { check, state, found: words.join('; '), ...(mends.length > 0 && { mend: mends.join('\n') }) };
}

/** `1 server`, `3 servers`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** Words of another program in one line, cut where nobody reads on. */
export function wordsOf(error: unknown): string {
  const words = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}

const LONGEST = 400;
