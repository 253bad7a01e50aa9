/** Results of scenarios as text. */
import { basename } from 'node:path';
import { formatProblem, type Problem } from '../../config/problems.ts';
import { span } from '../../lib/span.ts';
import type { Difference } from '../../scenarios/compare.ts';
import type { Uncovered } from '../../scenarios/coverage.ts';
import type { DiffLine } from '../../scenarios/diff.ts';
import type { Result } from '../../scenarios/play.ts';
import { type JUnitCase, type JUnitSuite, junit } from './junit.ts';
import { fromHere, type Shared, simulateLine } from './simulate-line.ts';
import type { Paint } from './terminal.ts';
import { plain, plainLines } from './text.ts';

export function resultInWords(result: Result, shared: Shared, paint: Paint): string {
  const { scenario, passed, observed } = result;
  const took = observed ? paint('dim', ` (${span(observed.took)} simulated)`) : '';
  const head = `${passed ? paint('good', '✓') : paint('bad', '✗')} ${plain(scenario.name)}${took}\n`;
  return passed ? head : `${head}${failureInWords(result, shared, paint)}\n`;
}

/** Why a scenario failed, line by line, and where to look further. */
export function failureInWords(
  { scenario, differences, observed, broke }: Result,
  shared: Shared,
  paint: Paint,
): string {
  const course = simulateLine(scenario, shared);
  const lines = [
    ...(broke === undefined ? [] : plainLines(broke).split('\n')),
    ...differences.flatMap((difference) => differenceInWords(difference, paint)),
    ...(observed ? [`the incident ended ${observed.outcome}: ${plain(observed.reason)}`] : []),
    `scenario: ${fromHere(scenario.file)}:${scenario.line}:${scenario.column}`,
    ...(course === undefined ? [] : [`whole course: ${course}`]),
  ];
  return lines.map((line) => `    ${line}`.trimEnd()).join('\n');
}

/** In one line. Of a list, the first difference. */
function inOneLine({ what, expected, actual, lines }: Difference): string {
  const first = lines?.find(({ mark }) => mark !== ' ');
  if (first) return `${what}: ${first.mark === '-' ? 'missing' : 'not expected'}: ${plain(first.text)}`;
  return `${what}: expected ${plain(String(expected))}, but it was ${plain(String(actual))}`;
}

function differenceInWords(difference: Difference, paint: Paint): string[] {
  const { what, lines } = difference;
  if (!lines) return [inOneLine(difference)];
  const first = lines.findIndex(({ mark }) => mark !== ' ');
  return [
    `${what}: - expected, + actual; > marks the first difference`,
    ...lines.map((line, index) => diffLineInWords(line, index === first, paint)),
  ];
}

const DIFF_STYLES = { ' ': 'dim', '-': 'bad', '+': 'good' } as const;

const diffLineInWords = ({ mark, text }: DiffLine, isFirst: boolean, paint: Paint) =>
  `${isFirst ? '>' : ' '} ${paint(DIFF_STYLES[mark], `${mark} ${plain(text)}`)}`;

export function coverageInWords(uncovered: readonly Uncovered[], paint: Paint): string {
  if (uncovered.length === 0) return 'Every step of every playbook was reached.\n';
  const lines = uncovered.flatMap(({ playbook, file, steps }) => {
    if (steps.length === 0) return [`  ${plain(playbook)}: no scenario runs it ${paint('dim', `(${fromHere(file)})`)}`];
    return steps.map(
      ({ n, step, file, line, column }) =>
        `  ${plain(playbook)}: step ${n}, ${step} ${paint('dim', `(${fromHere(file)}:${line}:${column})`)}`,
    );
  });
  return `Not reached by any scenario:\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** JUnit XML with a suite for each file. Problems of the files are a suite of their own, because then nothing was played. */
export function report(problems: readonly Problem[], results: readonly Result[], shared: Shared): string {
  const files = [...new Set(results.map(({ scenario }) => scenario.file))];
  const broken: JUnitCase[] = problems.map((problem) => ({
    name: [fromHere(problem.file), problem.line, problem.path].filter(Boolean).join(' '),
    took: 0,
    failure: { message: problem.message, text: formatProblem(problem) },
  }));
  const suites = files.map((file): JUnitSuite => {
    const cases = results
      .filter(({ scenario }) => scenario.file === file)
      .map((result): JUnitCase => ({ name: result.scenario.name, took: result.real, ...failureOf(result, shared) }));
    return { name: basename(file).replace(/\.ya?ml$/i, ''), file: fromHere(file), cases };
  });
  return junit('playbooks test', broken.length > 0 ? [{ name: 'files', cases: broken }, ...suites] : suites);
}

function failureOf(result: Result, shared: Shared): Pick<JUnitCase, 'failure'> {
  if (result.passed) return {};
  const [first] = result.differences;
  const message = first
    ? `${first.what}: expected ${first.expected}, but it was ${first.actual}`
    : (result.broke ?? '');
  return { failure: { message, text: failureInWords(result, shared, (_, text) => text) } };
}

/** The result of one scenario in JSON. */
export function resultForScripts({ scenario, passed, differences, observed, broke }: Result, shared: Shared) {
  const { name, file, line } = scenario;
  const simulate = simulateLine(scenario, shared);
  return {
    name,
    file,
    line,
    ok: passed,
    ...observed,
    ...(observed && !scenario.expect && { recorded: true }),
    ...(broke !== undefined && { broke }),
    differences,
    ...(simulate !== undefined && { simulate }),
  };
}
