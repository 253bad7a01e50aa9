import { formatProblem, type Problem } from '../../config/problems.ts';
import type { CliContext } from '../context.ts';
import { plain } from './text.ts';

/** A problem in JSON output, where scripts know its hint as `mend`. */
export const toOutput = ({ hint, ...problem }: Problem) => ({ ...problem, ...(hint && { mend: hint }) });

type Paint = CliContext['terminal']['paint'];

/** Each problem with an excerpt of its file, then their number. */
export function formatProblems(problems: Problem[], paint: Paint): string {
  const lines = problems.map((problem) => `${paint('bad', '✗')} ${harmless(formatProblem(problem))}\n`);
  return `${lines.join('')}${problems.length === 1 ? '1 problem' : `${problems.length} problems`}\n`;
}

/** What is probably a mistake. */
export function formatWarnings(warnings: Problem[], paint: Paint): string {
  return warnings.map((warning) => `${paint('warn', '!')} ${harmless(formatProblem(warning))}\n`).join('');
}

/** Lines to copy into a file keep their indentation. */
const harmless = (text: string) => text.split('\n').map(plain).join('\n');
