/** What a scenario expects beside what happened. */
import { writeDuration } from '../config/schema.ts';
import { span } from '../lib/span.ts';
import { type DiffLine, diff } from './diff.ts';
import type { Observed } from './observe.ts';
import type { Expectation } from './schema.ts';

/** One expectation that did not hold. */
export interface Difference {
  /** The key of `expect`. */
  what: keyof Expectation;
  expected: string | readonly string[];
  actual: string | readonly string[];
  /** The two lists, line by line. */
  lines?: DiffLine[];
}

export function compare(expect: Expectation, observed: Observed): Difference[] {
  const differences: Difference[] = [];
  const differs = (what: Difference['what'], expected: string, actual: string) =>
    differences.push({ what, expected, actual });
  const lists = (what: 'commands' | 'left', expected: readonly string[], actual: readonly string[]) => {
    const lines = diff(expected, actual, isSame);
    if (lines.every(({ mark }) => mark === ' ')) return;
    differences.push({ what, expected, actual, lines });
  };

  const { outcome, playbook, commands, guard, within, people, left } = expect;
  if (outcome !== observed.outcome) differs('outcome', outcome, observed.outcome);
  if (playbook !== undefined && !observed.playbooks.includes(playbook))
    differs('playbook', playbook, observed.playbooks.join(', ') || 'none');
  lists('commands', commands, observed.commands);
  if (guard !== undefined && !observed.guards.includes(guard))
    differs('guard', guard, observed.guards.join(', ') || 'none');
  if (within !== undefined && observed.took > within) differs('within', writeDuration(within), span(observed.took));
  const woken = observed.notified ? 'notified' : 'nobody';
  if (people !== undefined && people !== woken) differs('people', people, woken);
  if (left) lists('left', left, observed.left);
  return differences;
}

/** PowerShell distinguishes neither case nor the amount of white space. */
const isSame = (expected: string, actual: string) => bare(expected) === bare(actual);
const bare = (line: string) => line.trim().replace(/\s+/g, ' ').toLowerCase();
