/** Scenario files → scenarios, with every problem of every file and its place. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { Config } from '../config/config.ts';
import { ConfigError, didYouMean, type Problem, zodProblems } from '../config/problems.ts';
import { parseYamlDocuments, readText, type Source, whyUnreadable } from '../config/yaml.ts';
import { monitorParts } from '../incident/health.ts';
import type { Mode } from '../incident/plan.ts';
import { FAULTS, faultNamed } from '../lab/behaviour/faults/index.ts';
import type { Lab } from '../lab/lab.ts';
import { type OrganisationPlan, readOrganisation } from '../lab/world/organisation.ts';
import { LabProblems } from '../lab/world/problems.ts';
import { readRecording } from '../recording/file.ts';
import type { Recording } from '../recording/recording.ts';
import { alertOf, labOf, NoAlert, type Situation } from '../rehearsal/situation.ts';
import type { Catalog } from '../verification/catalog.ts';
import { type Expectation, scenarioSchema } from './schema.ts';

export interface Scenario {
  name: string;
  file: string;
  line: number;
  column: number;
  /** Which document of the file it is, from 0. */
  document: number;
  situation: Situation;
  mode?: Mode;
  /** Absent only where expectations are to be recorded. */
  expect?: Expectation;
  /** The files of the situation, where the scenario or the configuration names them. */
  organisation?: string;
  recording?: string;
}

export interface ScenarioLanguage {
  catalog: Catalog;
  /** The names of the playbooks that there are. Absent: any may be expected. */
  playbooks?: readonly string[];
  /** Where a scenario without an organisation and a recording is played. */
  lab: Config['lab'];
  /** Whether a scenario may lack what it expects. */
  records?: boolean;
}

export interface ReadScenarios {
  scenarios: Scenario[];
  problems: Problem[];
  /** Every file and folder that was read, or that is missing. */
  read: string[];
}

/** When a scenario begins that names no time: always the same, so that it always goes the same way. */
export const BEGINS = Date.UTC(2026, 0, 7, 12);

/** The folder of the scenarios beside the playbooks. */
export const scenarioFolder = ({ directory }: Config['playbooks']) => join(directory, 'tests');

/** Reads scenario files, and each *.yaml of folders in the order of their names. */
export function readScenarios(paths: readonly string[], language: ScenarioLanguage): ReadScenarios {
  const reading: Reading = { ...language, problems: [], read: new Set(paths), worlds: new Map() };
  const files = new Set(paths.flatMap((path) => listFiles(path, reading)));
  const scenarios = [...files]
    .flatMap((file) => documentsOf(file, reading))
    .flatMap(({ source, document }) => readScenario(source, document, reading));
  reading.problems.push(...clashes(scenarios));
  return { scenarios, problems: reading.problems, read: [...reading.read] };
}

interface Reading extends ScenarioLanguage {
  problems: Problem[];
  read: Set<string>;
  /** Organisations and recordings by their files, because many scenarios share one. */
  worlds: Map<string, OrganisationPlan | Recording | undefined>;
}

function listFiles(path: string, { problems, read }: Reading): string[] {
  const here = { file: path, line: 0, column: 0, path: '' };
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /\.ya?ml$/i.test(name));
    if (names.length === 0) problems.push({ ...here, message: 'contains no scenario (*.yaml)', hint: HOW_TO_BEGIN });
    return names.sort().map((name) => {
      read.add(join(path, name));
      return join(path, name);
    });
  } catch (error) {
    problems.push({ ...here, message: whyUnreadable(error), hint: HOW_TO_BEGIN });
    return [];
  }
}

const HOW_TO_EXPECT = 'write what must happen, or let --record write what happens';
const HOW_TO_BEGIN =
  'record a scenario with: second-responder simulate --fault <fault> --server <name> --record <name>';

function documentsOf(file: string, reading: Reading): { source: Source; document: number }[] {
  const sources = collecting(reading, () => parseYamlDocuments(readText(file), file)) ?? [];
  return sources.map((source, document) => ({ source, document }));
}

/** Undefined, with the problems collected, if the work throws them. */
function collecting<T>({ problems }: Reading, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** Until its expectations are recorded. */
const unrecordedSchema = scenarioSchema.partial({ expect: true });
type Unrecorded = z.output<typeof unrecordedSchema>;

function readScenario(source: Source, document: number, reading: Reading): Scenario[] {
  const { problems } = reading;
  const before = problems.length;
  const complain: Complain = (path, message, hint) =>
    problems.push({ ...source.locate(path), message, ...(hint && { hint }) });
  const schema = reading.records ? unrecordedSchema : scenarioSchema;
  const checked = schema.safeParse(source.data, { reportInput: true });
  if (!checked.success) {
    const found = zodProblems(checked.error, schema, source.locate);
    problems.push(...found.map((one) => (one.path === 'expect' ? { hint: HOW_TO_EXPECT, ...one } : one)));
    const { faults } = (source.data ?? {}) as { faults?: unknown };
    // The faults are checked anyway, to report all problems in one go.
    if (Array.isArray(faults)) checkFaults(faults, source, reading);
    return [];
  }
  const written = checked.data;
  const { file, line, column } = source.locate([]);
  checkFaults(written.faults ?? [], source, reading);
  checkNames(written, reading, complain);
  const place = placeOf(written, file, reading, complain);
  if (problems.length > before) return [];
  const situation: Situation = {
    ...place.world,
    faults: written.faults ?? [],
    at: written.at ?? BEGINS,
    ...(written.seed !== undefined && { seed: written.seed }),
    ...(written.alert && { alert: alertIn(written.alert) }),
    ...(written.people && { people: written.people }),
  };
  checkSituation(situation, complain);
  if (problems.length > before) return [];
  return [
    {
      name: written.scenario,
      file,
      line,
      column,
      document,
      situation,
      ...(written.expect && { expect: written.expect }),
      ...(written.mode && { mode: written.mode }),
      ...place.files,
    },
  ];
}

type Complain = (path: (string | number)[], message: string, hint?: string) => void;

function checkFaults(faults: readonly unknown[], source: Source, { problems }: Reading): void {
  for (const [index, written] of faults.entries()) {
    if (typeof written !== 'object' || written === null) continue;
    const { fault: name, ...options } = written as Record<string, unknown>;
    if (typeof name !== 'string') continue;
    const known = faultNamed(name);
    const names = FAULTS.map((one) => one.name);
    if (!known) {
      const hint = didYouMean(name, names) ?? `use one of: ${names.join(', ')}`;
      problems.push({ ...source.locate(['faults', index, 'fault']), message: `there is no fault "${name}"`, hint });
      continue;
    }
    const result = known.options.safeParse(options, { reportInput: true });
    if (result.success) continue;
    const locate: Source['locate'] = (path, at) => source.locate(['faults', index, ...path], at);
    problems.push(...zodProblems(result.error, known.options, locate));
  }
}

function checkNames({ expect, alert }: Unrecorded, { playbooks, catalog }: Reading, complain: Complain): void {
  const playbook = expect?.playbook;
  if (playbook !== undefined && playbooks && !playbooks.includes(playbook)) {
    const hint = didYouMean(playbook, playbooks) ?? `use one of: ${playbooks.join(', ')}`;
    complain(['expect', 'playbook'], `there is no playbook "${playbook}"`, hint);
  }
  if (alert?.monitor === undefined) return;
  const [healthSet = '', monitor] = alert.monitor.split('\\');
  const sets = catalog.healthSets();
  const isKnown =
    monitor === undefined
      ? sets.some(({ name }) => name.toLowerCase() === healthSet.toLowerCase())
      : catalog.find(healthSet, monitor) !== undefined;
  if (isKnown) return;
  const known = sets.flatMap(({ name, monitors }) => [name, ...monitors.map((one) => `${name}\\${one.monitor}`)]);
  const message = `"${alert.monitor}" is neither a health set nor HealthSet\\Monitor of the catalog`;
  complain(['alert', 'monitor'], message, didYouMean(alert.monitor, known));
}

function alertIn({ server, monitor: written }: NonNullable<Unrecorded['alert']>): NonNullable<Situation['alert']> {
  return { ...(server !== undefined && { server }), ...monitorParts(written ?? '') };
}

/** The organisation or the recording on which the scenario is played: its own, else the configured one, else the shipped one. */
function placeOf(
  written: Unrecorded,
  file: string,
  reading: Reading,
  complain: Complain,
): { files: Pick<Scenario, 'organisation' | 'recording'>; world: Partial<Situation> } {
  const own = written.organisation !== undefined || written.recording !== undefined;
  if (written.organisation !== undefined && written.recording !== undefined)
    complain(['recording'], 'cannot be combined with organisation', 'remove one of the two');
  const beside = (path: string | undefined) => (path === undefined ? undefined : resolve(dirname(file), path));
  const { organisation, recording } = own
    ? { organisation: beside(written.organisation), recording: beside(written.recording) }
    : reading.lab;
  if (recording === undefined && written.cure !== undefined)
    complain(['cure'], 'is for recordings', 'each fault says what cures it');

  const load = <T>(key: 'organisation' | 'recording', path: string, read: (path: string) => T): T | undefined => {
    if (!reading.worlds.has(path)) {
      reading.read.add(path);
      const there = existsSync(path);
      reading.worlds.set(path, there ? (collecting(reading, () => read(path)) as OrganisationPlan) : undefined);
    }
    const world = reading.worlds.get(path);
    if (world === undefined)
      complain([key], `cannot be used: ${existsSync(path) ? 'see its problems' : `there is no file ${path}`}`);
    return world as T | undefined;
  };
  if (recording !== undefined) {
    const world = load('recording', recording, readRecording);
    return {
      files: { recording },
      world: { ...(world && { recording: world }), cure: written.cure ?? reading.lab.cure },
    };
  }
  if (organisation === undefined) return { files: {}, world: {} };
  const world = load('organisation', organisation, organisationIn);
  return { files: { organisation }, world: { ...(world && { organisation: world }) } };
}

/** Throws ConfigError. */
function organisationIn(file: string): OrganisationPlan {
  try {
    return readOrganisation(file);
  } catch (error) {
    if (!(error instanceof LabProblems)) throw error;
    throw new ConfigError(
      error.problems.map(({ pointer, message }) => {
        const [, line = 0, column = 0] = /:(\d+):(\d+)$/.exec(pointer) ?? [];
        return { file, line: Number(line), column: Number(column), path: '', message };
      }),
    );
  }
}

/** Whether the organisation can have the faults, and whether there is an alert to play. */
function checkSituation(situation: Situation, complain: Complain): void {
  let lab: Lab;
  try {
    lab = labOf(situation);
  } catch (error) {
    if (!(error instanceof LabProblems)) throw error;
    complain(['recording'], error.message);
    return;
  }
  let isComplete = true;
  for (const [index, fault] of situation.faults.entries()) {
    try {
      lab.post(fault);
    } catch (error) {
      if (!(error instanceof LabProblems)) throw error;
      isComplete = false;
      for (const { pointer, message } of error.problems)
        complain(['faults', index, ...pointer.split('/').slice(1)], message);
    }
  }
  if (!isComplete) return;
  try {
    alertOf(situation, lab);
  } catch (error) {
    if (!(error instanceof NoAlert)) throw error;
    complain(['alert'], error.message);
  }
}

function clashes(scenarios: readonly Scenario[]): Problem[] {
  const first = new Map<string, Scenario>();
  return scenarios.flatMap(({ name, file, line, column }, index) => {
    const other = first.get(name);
    if (!other) {
      first.set(name, scenarios[index] as Scenario);
      return [];
    }
    const message = `"${name}" is already the name of the scenario at ${other.file}:${other.line}:${other.column}`;
    return [{ file, line, column, path: 'scenario', message }];
  });
}
