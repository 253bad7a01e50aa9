import type { Loaded } from '../config/load.ts';
import { ConfigError, formatProblem, type Problem } from '../config/problems.ts';
import { bad, type Finding, ok } from './check.ts';

/** Reads the configuration, as everything else rests on it. */
export function readConfiguration(load: () => Loaded): { loaded?: Loaded; findings: Finding[] } {
  try {
    const loaded = load();
    const variables = [...loaded.origins.values()].flatMap((origin) => /^environment (.*)$/.exec(origin)?.[1] ?? []);
    const besides = variables.length > 0 ? `, and of the environment ${[...new Set(variables)].join(', ')}` : '';
    return { loaded, findings: [ok(`${loaded.file}${besides}`)] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { findings: problemsOf(error.problems) };
  }
}

/** Each problem with its place, as `config check` tells it. */
export function problemsOf(problems: readonly Problem[]): Finding[] {
  return problems.map(({ mend, ...problem }) => bad(formatProblem(problem), mend ?? 'Correct it there.'));
}
