import type { Locate, Path, Place, Problem } from '../config/problems.ts';
import type { Source } from '../config/yaml.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { StepLanguage } from './language.ts';

/** Everything needed to read the steps of one playbook. */
export interface StepReading {
  steps: readonly StepLanguage[];
  services: readonly string[];
  catalog: Catalog;
  locate: Locate;
  commentOf: Source['commentOf'];
  problems: Problem[];
  complain(path: Path, message: string, hint?: string): void;
  /** The same, but the position is that of the key instead of its value. */
  complainAtKey(path: Path, message: string, hint?: string): void;
}

export function createReading(
  language: Pick<StepReading, 'steps' | 'services' | 'catalog'>,
  { locate, commentOf }: Source,
  problems: Problem[],
): StepReading {
  const report = (place: Place, message: string, hint?: string) =>
    problems.push({ ...place, message, ...(hint && { hint }) });
  return {
    ...language,
    locate,
    commentOf,
    problems,
    complain: (path, message, hint) => report(locate(path), message, hint),
    complainAtKey: (path, message, hint) => report(locate(path, 'key'), message, hint),
  };
}
