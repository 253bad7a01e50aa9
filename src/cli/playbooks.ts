import type { Config } from '../config/config.ts';
import { didYouMean } from '../config/problems.ts';
import type { Playbook } from '../incident/plan.ts';
import { type Library, languageOf, loadFiles, loadLibrary } from '../playbooks/read.ts';
import { STEPS } from '../steps/index.ts';
import type { Catalog } from '../verification/catalog.ts';
import { CliError, UsageError } from './errors.ts';

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

/** One of them by its name, or of a file: by the name after it, if it has several. Throws if there is none. */
export function findPlaybook(wanted: string, name: string | undefined, config: Config, catalog: Catalog): Playbook {
  const isFile = /[/\\]|\.ya?ml$/i.test(wanted);
  if (!isFile && name !== undefined) throw new UsageError('Only a file may be followed by the name of a playbook.');
  const read = readPlaybookFiles(isFile ? [wanted] : [], config, catalog);
  const asked = isFile ? name : wanted;
  const names = read.map((playbook) => playbook.name);
  if (asked === undefined && names.length > 1)
    throw new UsageError(`${wanted} has several playbooks: add one of ${names.join(', ')}`);
  const found = read.find((playbook) => asked === undefined || playbook.name === asked);
  if (found) return found;
  const hint = didYouMean(asked ?? '', names) ?? `known playbooks: ${names.join(', ')}`;
  throw new CliError(`There is no playbook "${asked}" in ${isFile ? wanted : config.playbooks.directory}; ${hint}`);
}
