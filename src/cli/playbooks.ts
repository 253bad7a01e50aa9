import type { Config } from '../config/config.ts';
import type { Playbook } from '../incident/plan.ts';
import { type Library, languageOf, loadFiles, loadLibrary } from '../playbooks/read.ts';
import { STEPS } from '../steps/index.ts';
import type { Catalog } from '../verification/catalog.ts';

/** Reads these playbook files, or the configured folder if none is named. Throws ConfigError with every problem. */
export function readPlaybookFiles(files: readonly string[], config: Config, catalog: Catalog): Playbook[] {
  return readLibraryFiles(files, config, catalog).playbooks;
}

/** The same, with what is probably a mistake. */
export function readLibraryFiles(files: readonly string[], config: Config, catalog: Catalog): Library {
  const { directory } = config.playbooks;
  const language = languageOf(config, STEPS, catalog);
  if (files.length === 0) return loadLibrary(directory, language);
  return { playbooks: loadFiles(files, directory, language), warnings: [] };
}
