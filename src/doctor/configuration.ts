import type { Loaded } from '../config/load.ts';
import { ConfigError, type Problem, problemLine } from '../config/problems.ts';
import { bad, type Finding, ok } from './check.ts';

/** Loads the configuration, which every other check requires. */
export function readConfiguration(load: () => Loaded): { loaded?: Loaded; findings: Finding[] } {
  try {
    const loaded = load();
    const variables = [...loaded.origins.values()].flatMap((origin) => /^environment (.*)$/.exec(origin)?.[1] ?? []);
    const and = variables.length > 0 ? ` and environment variables ${[...new Set(variables)].join(', ')}` : '';
    return { loaded, findings: [ok(`${loaded.file}${and}`)] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { findings: problemsOf(error.problems) };
  }
}

/** Each problem with its position, as `config check` prints it. */
export function problemsOf(problems: readonly Problem[]): Finding[] {
  return problems.map(({ hint, ...problem }) => bad(problemLine(problem), hint ?? 'Fix it there.'));
}
