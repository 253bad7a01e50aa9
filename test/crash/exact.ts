import type { Chance } from './chance.ts';
import { PROCEDURES, type Procedure } from './procedures.ts';

/**
 * Daemons that end at exact places: at every n-th journal append, or changing command, before it takes effect, or after
 * it has and before the daemon knows. The next daemon goes on, and comes to the next place.
 */
export interface Exact {
  of: 'append' | 'command';
  when: 'before' | 'after';
  signal: 'SIGKILL' | 'SIGTERM';
  /** 1: at each. */
  every: number;
  /** The first of them, counted from 0. */
  offset: number;
}

const BOUNDARIES: readonly Pick<Exact, 'of' | 'when'>[] = [
  { of: 'command', when: 'before' },
  { of: 'command', when: 'after' },
  { of: 'append', when: 'before' },
  { of: 'append', when: 'after' },
];

export interface ExactRun {
  procedure: Procedure;
  exact: Exact;
}

/** Each procedure of the page, each kind of place, killed and told to stop: at each single place. */
export function everyExactRun(): ExactRun[] {
  return (['SIGKILL', 'SIGTERM'] as const).flatMap((signal) =>
    BOUNDARIES.flatMap((boundary) =>
      PROCEDURES.map((procedure) => ({ procedure, exact: { ...boundary, signal, every: 1, offset: 0 } })),
    ),
  );
}

/** One of them; not at each place, so that it is over soon. */
export function exactRunOf({ oneOf, whole }: Chance): ExactRun {
  const boundary = oneOf(BOUNDARIES);
  const every = boundary.of === 'append' ? 6 : 1;
  const signal = oneOf(['SIGKILL', 'SIGKILL', 'SIGTERM'] as const);
  return { procedure: oneOf(PROCEDURES), exact: { ...boundary, signal, every, offset: whole(0, every - 1) } };
}

export function describeExact({ of, when, signal, every, offset }: Exact): string {
  const which = every === 1 ? `each ${of}` : `every ${every}th ${of} from number ${offset + 1} on`;
  return `${signal} ${when} ${which}`;
}
