import type { Locate, Path, Problem } from '../config/problems.ts';
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
}

export function createReading(
  language: Pick<StepReading, 'steps' | 'services' | 'catalog'>,
  locate: Locate,
  problems: Problem[],
): StepReading {
  return {
    ...language,
    locate,
    problems,
    complain: (path, message, mend) => problems.push({ ...locate(path), message, ...(mend && { mend }) }),
  };
}
