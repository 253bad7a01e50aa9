/** Playbook files → playbooks, with every problem of every file and its position. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Problem, zodProblems } from '../config/problems.ts';
import { parseYamlDocuments, readText, type Source, whyUnreadable } from '../config/yaml.ts';
import { isMonitor, type MonitorRef, monitorName } from '../incident/health.ts';
import type { Playbook } from '../incident/plan.ts';
import type { Catalog } from '../verification/catalog.ts';
import { readHandles } from './handles.ts';
import { hashOf } from './hash.ts';
import type { StepLanguage } from './language.ts';
import { createReading } from './reading.ts';
import { playbookSchema } from './schema.ts';
import { readSteps } from './steps.ts';

export interface PlaybookLanguage {
  /** The available kinds of step. */
  steps: readonly StepLanguage[];
  /** The services that may be restarted (`safety.services`). */
  services: readonly string[];
  catalog: Catalog;
}

export interface PlaybookFile {
  file: string;
  text: string;
}

/** Reads every *.yaml of a folder in the order of their names. Throws ConfigError with all problems of all files. */
export function loadPlaybooks(directory: string, language: PlaybookLanguage): Playbook[] {
  const files = listFiles(directory);
  const problems: Problem[] = [];
  const texts = files.flatMap((file) => {
    try {
      return [{ file, text: readText(file) }];
    } catch (error) {
      problems.push(...problemsOf(error));
      return [];
    }
  });
  return readPlaybooks(texts, language, problems);
}

/** The same for texts. `problems`: earlier ones, reported together with the new ones. */
export function readPlaybooks(files: PlaybookFile[], language: PlaybookLanguage, problems: Problem[] = []): Playbook[] {
  const found = [...problems];
  const read: { playbook: Playbook; source: Source }[] = [];
  for (const { file, text } of files) {
    try {
      for (const source of parseYamlDocuments(text, file)) {
        const playbook = readPlaybook(source, language, found);
        if (playbook) read.push({ playbook, source });
      }
    } catch (error) {
      found.push(...problemsOf(error));
    }
  }
  found.push(...nameClashes(read), ...monitorClashes(read));
  if (found.length > 0) throw new ConfigError(found);
  return read.map(({ playbook }) => playbook);
}

type ReadPlaybook = { playbook: Playbook; source: Source };

/** As much of a playbook as can be read, so that clashes with others are found too; adds its problems to `problems`. */
function readPlaybook(source: Source, language: PlaybookLanguage, problems: Problem[]): Playbook | undefined {
  const result = playbookSchema.safeParse(source.data, { reportInput: true });
  if (!result.success) {
    problems.push(...zodProblems(result.error, playbookSchema, source.locate));
    // The steps are checked anyway, to report all problems in one go.
    const steps = (source.data as { steps?: unknown } | null)?.steps;
    if (Array.isArray(steps)) readSteps(steps, ['steps'], {}, createReading(language, source, problems));
    return undefined;
  }
  const { playbook: name, summary, page, mode } = result.data;
  const handles = readHandles(result.data.handles, language.catalog, source.locate, problems);
  const read = readSteps(result.data.steps, ['steps'], {}, createReading(language, source, problems));
  const meaning = { name, handles, mode, steps: read.map(({ spec }) => spec) };
  const places = read.map(({ place: { line, column, path }, comments }) => ({ line, column, path, comments }));
  return { ...meaning, summary, ...(page && { page }), hash: hashOf(meaning), file: source.file, places };
}

function nameClashes(read: ReadPlaybook[]): Problem[] {
  return read.flatMap(({ playbook, source }, index) => {
    const other = read.slice(0, index).find((earlier) => earlier.playbook.name === playbook.name);
    if (!other) return [];
    const message = `"${playbook.name}" is already the name of the playbook at ${placeOf(other.source, ['playbook'])}`;
    return [{ ...source.locate(['playbook']), message }];
  });
}

function monitorClashes(read: ReadPlaybook[]): Problem[] {
  const handled = read.flatMap(({ playbook, source }) =>
    playbook.handles.map((monitor, index) => ({ monitor, source, path: ['handles', index] })),
  );
  return handled.flatMap(({ monitor, source, path }, index) => {
    const other = handled.slice(0, index).find((earlier) => overlap(earlier.monitor, monitor));
    if (!other) return [];
    const message = `${monitorName(monitor)} is already handled at ${placeOf(other.source, other.path)}`;
    return [{ ...source.locate(path), message, hint: 'a monitor belongs to one playbook' }];
  });
}

/** An entry without a target resource covers all of them. */
const overlap = (a: MonitorRef, b: MonitorRef) => isMonitor(a, b) || isMonitor(b, a);

function placeOf(source: Source, path: (string | number)[]): string {
  const { file, line, column } = source.locate(path);
  return `${file}:${line}:${column}`;
}

function listFiles(directory: string): string[] {
  const here = { file: directory, line: 0, column: 0, path: '' };
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    throw new ConfigError([{ ...here, message: whyUnreadable(error), hint: 'set playbooks.directory' }]);
  }
  const names = entries
    .filter((entry) => !entry.isDirectory() && /\.ya?ml$/i.test(entry.name))
    .map((entry) => entry.name);
  if (names.length === 0) throw new ConfigError([{ ...here, message: 'contains no playbook (*.yaml)' }]);
  return names.sort().map((name) => join(directory, name));
}

function problemsOf(error: unknown): Problem[] {
  if (error instanceof ConfigError) return error.problems;
  throw error;
}
