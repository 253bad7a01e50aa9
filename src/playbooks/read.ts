/** Playbook files → playbooks, with every problem of every file and its position. */
import { type Dirent, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { isObject } from '../config/data.ts';
import { ConfigError, type Problem, writePlace, zodProblems } from '../config/problems.ts';
import { parseYamlDocuments, readText, type Source, whyUnreadable } from '../config/yaml.ts';
import { isMonitor, type MonitorRef, monitorName } from '../incident/health.ts';
import type { Playbook } from '../incident/plan.ts';
import type { Catalog } from '../verification/catalog.ts';
import { readDefaults } from './defaults.ts';
import { readHandles } from './handles.ts';
import { hashOf } from './hash.ts';
import type { StepLanguage } from './language.ts';
import { isList, Lists, readList, type StepList } from './lists.ts';
import { createReading, type PlaybookLanguage, type Shared } from './reading.ts';
import { namesWithoutPlaybook } from './restrictions.ts';
import { playbookSchema } from './schema.ts';
import { readSteps } from './steps.ts';

export type { PlaybookLanguage };

export interface PlaybookFile {
  file: string;
  text: string;
}

export interface Library {
  playbooks: Playbook[];
  /** What is probably a mistake, but changes nothing. */
  warnings: Problem[];
}

/** The language as the configuration sets it. */
export function languageOf(
  { playbooks: settings, safety: { services } }: Config,
  steps: readonly StepLanguage[],
  catalog: Catalog,
): PlaybookLanguage {
  return { steps, services, catalog, settings };
}

/** Reads every *.yaml of a folder in the order of their names. Throws ConfigError with all problems of all files. */
export function loadPlaybooks(directory: string, language: PlaybookLanguage): Playbook[] {
  return loadLibrary(directory, language).playbooks;
}

/** The same, with what is probably a mistake. */
export function loadLibrary(directory: string, language: PlaybookLanguage): Library {
  const problems: Problem[] = [];
  const { playbooks, lists } = readAll(readFiles(listFiles(directory), problems), language, problems);
  const warnings = lists.unused().map(({ name, source }) => ({
    ...source.locate(['list']),
    message: `no playbook uses the list "${name}"`,
    hint: 'use it, or remove it',
  }));
  return { playbooks, warnings };
}

/** Reads some files. They may use lists of the other files in their folders, and of those in `directory`. */
export function loadFiles(files: readonly string[], directory: string, language: PlaybookLanguage): Playbook[] {
  const problems: Problem[] = [];
  const own = files.map((file) => resolve(file));
  const folders = new Set([...own.map((file) => dirname(file)), resolve(directory)]);
  const beside = [...folders].flatMap((folder) => {
    try {
      return listFiles(folder).filter((file) => !own.includes(file));
    } catch {
      return []; // a folder without playbooks has no lists
    }
  });
  return readAll(readFiles(files, problems), language, problems, readFiles(beside, [])).playbooks;
}

/** The same for texts. */
export function readPlaybooks(files: PlaybookFile[], language: PlaybookLanguage): Playbook[] {
  return readAll(files, language, [], []).playbooks;
}

/** `beside`: files of which only the lists count; without them, these are all playbooks that there are. */
function readAll(files: PlaybookFile[], language: PlaybookLanguage, earlier: Problem[], beside?: PlaybookFile[]) {
  const found = [...earlier];
  const sources = parseAll(files, found);
  const isComplete = beside === undefined && found.length === 0;
  const lists = new Lists();
  const own = sources.filter(({ data }) => isList(data)).map((source) => readList(source, found));
  for (const list of own) found.push(...listClash(list, lists.add(list)));
  for (const source of parseAll(beside ?? [], [])) if (isList(source.data)) lists.add(readList(source, []));

  const shared: Shared = { ...language, lists, defaults: readDefaults(language, found) };
  const documents = sources.filter(({ data }) => !isList(data));
  const names = documents.flatMap(({ data }) => (isObject(data) ? String(data.playbook) : []));
  for (const name of names) lists.addPlaybook(name);
  if (isComplete) found.push(...namesWithoutPlaybook(language, names));
  for (const { name, source, steps } of own) {
    const inside = { within: [name], usedAt: [], count: { steps: 0 } };
    readSteps(steps, ['steps'], {}, createReading(shared, source, found, inside));
  }
  const read = documents.flatMap((source): ReadPlaybook[] => {
    const playbook = readPlaybook(source, shared, found);
    return playbook ? [{ playbook, source }] : [];
  });
  found.push(...nameClashes(read, lists), ...monitorClashes(read));
  if (found.length > 0) throw new ConfigError(withoutRepeats(found));
  return { playbooks: read.map(({ playbook }) => playbook), lists };
}

function parseAll(files: PlaybookFile[], problems: Problem[]): Source[] {
  return files.flatMap(({ file, text }) => reading(() => parseYamlDocuments(text, file), problems));
}

function readFiles(files: readonly string[], problems: Problem[]): PlaybookFile[] {
  return files.flatMap((file) => reading(() => [{ file, text: readText(file) }], problems));
}

/** Nothing, and its problems, if it cannot be read. */
function reading<T>(read: () => T[], problems: Problem[]): T[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return [];
  }
}

/** A problem inside a list is found wherever the list is used. It is reported once, with as few uses as it needs. */
function withoutRepeats(problems: Problem[]): Problem[] {
  const reported = new Map<string, string[]>();
  const kept = problems
    .toSorted((one, other) => (one.usedAt?.length ?? 0) - (other.usedAt?.length ?? 0))
    .filter(({ usedAt = [], ...problem }) => {
      const text = JSON.stringify(problem);
      const uses = usedAt.map((place) => `${writePlace(place)} `).join('');
      const before = reported.get(text) ?? [];
      reported.set(text, [...before, uses]);
      return !before.some((fewer) => uses.startsWith(fewer));
    });
  return problems.filter((problem) => kept.includes(problem));
}

type ReadPlaybook = { playbook: Playbook; source: Source };

/** As much of a playbook as can be read, so that clashes with others are found too; adds its problems to `problems`. */
function readPlaybook(source: Source, shared: Shared, problems: Problem[]): Playbook | undefined {
  const result = playbookSchema.safeParse(source.data, { reportInput: true });
  if (!result.success) {
    problems.push(...zodProblems(result.error, playbookSchema, source.locate));
    // The steps are checked anyway, to report all problems in one go.
    const steps = (source.data as { steps?: unknown } | null)?.steps;
    if (Array.isArray(steps)) readSteps(steps, ['steps'], {}, createReading(shared, source, problems));
    return undefined;
  }
  const { playbook: name, summary, page, mode = shared.settings.defaults.mode } = result.data;
  const handles = readHandles(result.data.handles, shared.catalog, source.locate, problems);
  const read = readSteps(result.data.steps, ['steps'], {}, createReading(shared, source, problems));
  const meaning = { name, handles, mode, steps: read.map(({ spec }) => spec) };
  const places = read.map(({ place, defaults, written, comments }) => ({
    ...place,
    comments,
    ...(defaults.length > 0 && { defaults }),
    ...(written.length > 0 && { written }),
  }));
  const modeIsDefault = result.data.mode === undefined && { modeIsDefault: true as const };
  return {
    ...meaning,
    ...modeIsDefault,
    summary,
    ...(page && { page }),
    hash: hashOf(meaning),
    file: source.file,
    places,
  };
}

/** Two lists of one name. */
function listClash(list: StepList, other: StepList | undefined): Problem[] {
  if (!other || list.name === '') return [];
  const message = `"${list.name}" is already the name of the list at ${placeOf(other.source, ['list'])}`;
  return [{ ...list.source.locate(['list']), message }];
}

function nameClashes(read: ReadPlaybook[], lists: Lists): Problem[] {
  return read.flatMap(({ playbook: { name }, source }, index) => {
    const other = read.slice(0, index).find((earlier) => earlier.playbook.name === name);
    const list = lists.find(name);
    const taken = other
      ? `playbook at ${placeOf(other.source, ['playbook'])}`
      : list && `list at ${placeOf(list.source, ['list'])}`;
    return taken ? [{ ...source.locate(['playbook']), message: `"${name}" is already the name of the ${taken}` }] : [];
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
  return writePlace(source.locate(path));
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
