import type { Config } from '../config/config.ts';
import { type LoadOptions, loadConfig } from '../config/load.ts';
import { ConfigError, type Problem } from '../config/problems.ts';
import type { Playbook } from '../incident/plan.ts';
import { loadCatalog } from '../verification/catalog.ts';
import type { StepLanguage } from './language.ts';
import { languageOf, loadLibrary } from './read.ts';

/** Reads configuration, catalog and playbooks as the daemon does, and returns every problem that would stop it, apart from proofs. */
export function checkConfig(options: LoadOptions & { steps: readonly StepLanguage[] }): {
  problems: Problem[];
  /** What is probably a mistake. */
  warnings: Problem[];
  /** What was read, if it is valid. */
  read?: { config: Config; playbooks: Playbook[] };
} {
  try {
    const { config } = loadConfig(options);
    // Playbooks refer to monitors of the catalog; without it, every one would be unknown.
    const catalog = loadCatalog(config.verification.catalog);
    const { playbooks, warnings } = loadLibrary(config.playbooks.directory, languageOf(config, options.steps, catalog));
    return { problems: [], warnings, read: { config, playbooks } };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems, warnings: [] };
    throw error;
  }
}
