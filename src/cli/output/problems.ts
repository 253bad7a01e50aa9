import { formatProblem, type Problem } from '../../config/problems.ts';
import type { CliContext } from '../context.ts';
import { plain } from './text.ts';

/** A problem in JSON output, where scripts know its hint as `mend`. */
export const toOutput = ({ hint, ...problem }: Problem) => ({ ...problem, ...(hint && { mend: hint }) });

/** Each problem on a line that editors and terminals convert to a link, then their number. */
export function formatProblems(problems: Problem[], paint: CliContext['terminal']['paint']): string {
  // Lines to copy into a file keep their indentation.
  const harmless = (text: string) => text.split('\n').map(plain).join('\n');
  const lines = problems.map((problem) => `${paint('bad', '✗')} ${harmless(formatProblem(problem))}\n`);
  return `${lines.join('')}${problems.length === 1 ? '1 problem' : `${problems.length} problems`}\n`;
}
