import type { Locate, Path, Place, Problem } from '../config/problems.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { StepLanguage } from './language.ts';

/** What reading the steps of one playbook leans on. */
export interface StepReading {
  steps: readonly StepLanguage[];
  services: readonly string[];
  catalog: Catalog;
  locate: Locate;
  problems: Problem[];
  complain(path: Path, message: string, mend?: string): void;
  /** The same, pointing at the key instead of its value. */
  complainOfKey(path: Path, message: string, mend?: string): void;
}

export function createReading(
  language: Pick<StepReading, 'steps' | 'services' | 'catalog'>,
  locate: Locate,
  problems: Problem[],
): StepReading {
  const report = (place: Place, message: string, mend?: string) =>
    problems.push({ ...place, message, ...(mend && { mend }) });
  return {
    ...language,
    locate,
    problems,
    complain: (path, message, mend) => report(locate(path), message, mend),
    complainOfKey: (path, message, mend) => report(locate(path, 'key'), message, mend),
  };
}
