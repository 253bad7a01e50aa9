import type { Config } from '../config/config.ts';
import { ConfigError, type Problem } from '../config/problems.ts';
import { readText } from '../config/yaml.ts';
import type { Playbook } from '../incident/plan.ts';
import { loadPlaybooks, type PlaybookFile, readPlaybooks } from '../playbooks/read.ts';
import { STEPS } from '../steps/index.ts';
import type { Catalog } from '../verification/catalog.ts';

/** Reads these playbook files, or the configured folder if none is named. Throws ConfigError with every problem. */
export function readPlaybookFiles(files: readonly string[], config: Config, catalog: Catalog): Playbook[] {
  const language = { steps: STEPS, services: config.safety.services, catalog };
  if (files.length === 0) return loadPlaybooks(config.playbooks.directory, language);
  const unreadable: Problem[] = [];
  const texts = files.flatMap((file): PlaybookFile[] => {
    try {
      return [{ file, text: readText(file) }];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      unreadable.push(...error.problems);
      return [];
    }
  });
  return readPlaybooks(texts, language, unreadable);
}
