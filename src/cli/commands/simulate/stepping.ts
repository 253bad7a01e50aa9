import { createInterface, type Interface } from 'node:readline/promises';
import type { Asked } from '../../../guards/index.ts';
import type { Incident } from '../../../incident/incident.ts';
import type { Decision } from '../../../incident/next.ts';
import type { CliContext } from '../../context.ts';
import { decisionInWords, guardsInWords } from '../../output/decisions.ts';
import { details } from '../../output/narrate.ts';
import { plain } from '../../output/text.ts';

/** The person quit. */
export class Stopped extends Error {}

const GUARD_INDENT = 24;

/** Stops before each decision until Enter is pressed; `c` continues to the end. */
export function stepping({ terminal }: CliContext) {
  const { paint, write, columns } = terminal;
  const input: Interface = createInterface({ input: process.stdin, terminal: false });
  const lines = input[Symbol.asyncIterator]();
  let goesOn = false;
  const guards: Asked[] = [];
  const printGuards = () => {
    for (const line of details(guardsInWords(guards.splice(0)), GUARD_INDENT, paint, columns - GUARD_INDENT))
      write(`${line}\n`);
  };
  return {
    onGuard: (_: Incident, __: number, asked: Asked) => void guards.push(asked),
    printGuards,
    async beforeDecision(incident: Incident, decision: Decision) {
      printGuards();
      const words = decisionInWords(incident, decision);
      if (goesOn || words === undefined) return;
      write(
        `\n  ${paint('bold', 'Next')}  ${plain(words)}  ${paint('dim', '[Enter] go on, [c] continue to the end, [q] quit')} `,
      );
      const { value, done } = await lines.next();
      write('\n');
      if (value?.trim() === 'q') throw new Stopped();
      goesOn = done === true || value?.trim() === 'c';
    },
    close: () => input.close(),
  };
}
