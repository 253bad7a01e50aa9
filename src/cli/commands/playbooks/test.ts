import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Config } from '../../../config/config.ts';
import { ConfigError, type Problem } from '../../../config/problems.ts';
import type { Playbook } from '../../../incident/plan.ts';
import { FileWatch } from '../../../lib/file-watch.ts';
import { withoutPath } from '../../../lib/shown.ts';
import { span } from '../../../lib/span.ts';
import { scriptsBeside } from '../../../playbooks/scripts.ts';
import type { Uncovered } from '../../../scenarios/coverage.ts';
import type { Result } from '../../../scenarios/play.ts';
import type { Scenario } from '../../../scenarios/read.ts';
import { type Catalog, loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, print, wantsJson } from '../../context.ts';
import { CliError, UsageError } from '../../errors.ts';
import { writeOutput } from '../../output/file.ts';
import { formatProblems, toOutput } from '../../output/problems.ts';
import { fromHere } from '../../output/simulate-line.ts';
import { timeOfDay } from '../../output/time.ts';
import { readPlaybookFiles } from '../../playbooks.ts';
import { loadOptions, readSettings } from '../../settings.ts';
import { untilStopped } from '../../until-stopped.ts';

interface Options {
  playbook?: string[];
  filter?: string;
  watch?: true;
  junit?: string;
  record?: true;
}

export function testCommand(playbooks: Command, context: CliContext): void {
  const several = (value: string, before: string[] = []) => [...before, value];
  playbooks
    .command('test')
    .description('play the scenarios of the playbooks and compare what happens with what they expect; needs no daemon')
    .argument('[paths...]', 'scenario files or folders (default: the folder "tests" beside the playbooks)')
    .option(
      '--playbook <file>',
      'use these playbooks instead of the configured folder, with the scenarios that expect them; may be repeated',
      several,
    )
    .option('--filter <text>', 'play only the scenarios whose name contains this text')
    .option(
      '--watch',
      'play them again whenever a playbook, a script, a scenario, the configuration or a recording changes',
    )
    .option('--junit <file>', 'also write the results to this file, as JUnit XML')
    .option('--record', 'write what happens into the scenarios that expect nothing yet')
    .addHelpText(
      'after',
      `
To write a new scenario, simulate it and record what happens, or write one without "expect" and play it with --record:
  second-responder simulate --fault imap-backend-wedged --server mbx1 --record "a wedged back end is rebooted"`,
    )
    .action(async (paths: string[], options: Options, command: Command) => {
      if (options.watch && wantsJson(command)) throw new UsageError('--watch cannot be combined with --json.');
      if (options.watch && options.record) throw new UsageError('--watch cannot be combined with --record.');
      const test: Test = { paths, options, command, context };
      if (options.watch) return watch(test);
      const { ok } = await round(test);
      if (!ok) context.fail();
    });
}

interface Test {
  paths: string[];
  options: Options;
  command: Command;
  context: CliContext;
}

/** Plays everything again after each change, until a person stops it. */
async function watch(test: Test): Promise<void> {
  const { terminal } = test.context;
  const stopped = untilStopped().then(() => undefined);
  const files = new FileWatch();
  try {
    for (;;) {
      files.follow((await round(test)).read);
      terminal.write('\nWaiting for changes; Ctrl-C ends.\n');
      const changed = await Promise.race([files.changes(), stopped]);
      if (!changed) return;
      const names = changed.map(fromHere).join(', ');
      terminal.write(`\n${terminal.paint('bold', `${timeOfDay(Date.now())}  changed: ${names}`)}\n\n`);
    }
  } finally {
    files.close();
  }
}

/** One round: reads everything, plays, prints. `read`: the files and folders that matter. */
async function round({ paths, options, command, context }: Test): Promise<{ ok: boolean; read: string[] }> {
  const began = performance.now();
  const { terminal } = context;
  const json = wantsJson(command);
  const loaded = await load(paths, options, command);
  const { problems, scenarios, read } = loaded;
  const shared = { config: loadOptions(command).file, playbook: options.playbook };
  const [{ playScenario }, { createCoverage }, words, record] = await Promise.all([
    import('../../../scenarios/play.ts'),
    import('../../../scenarios/coverage.ts'),
    import('../../output/scenario-results.ts'),
    import('../../../scenarios/record.ts'),
  ]);
  const results: Result[] = [];
  let uncovered: Uncovered[] | undefined;
  if (loaded.ground) {
    const coverage = createCoverage(loaded.ground.playbooks);
    for (const scenario of scenarios) {
      const result = await playScenario(scenario, { ...loaded.ground, onEntry: coverage.onEntry });
      results.push(result);
      if (!json) terminal.write(words.resultInWords(result, shared, terminal.paint));
      if (!scenario.expect) recordInto(scenario, result, { record, json, terminal });
      // Nothing in a simulation waits: without this, neither output nor signals would get their turn.
      await setImmediate();
    }
    // What a few chosen scenarios do not reach says nothing.
    if (options.filter === undefined) uncovered = coverage.uncovered();
  }
  const failed = results.filter(({ passed }) => !passed).length;
  const ok = problems.length === 0 && failed === 0;
  if (options.junit !== undefined) writeOutput(options.junit, words.report(problems, results, shared));
  const answer = {
    ok,
    problems: problems.map(toOutput),
    passed: results.length - failed,
    failed,
    leftOut: loaded.leftOut,
    scenarios: results.map((result) => words.resultForScripts(result, shared)),
    ...(uncovered && { uncovered }),
  };
  print(command, context, answer, () => {
    if (problems.length > 0) return formatProblems(problems, terminal.paint);
    const counts = [
      `${results.length - failed} passed`,
      ...(failed > 0 ? [terminal.paint('bad', `${failed} failed`)] : []),
      ...(loaded.leftOut > 0 ? [`${loaded.leftOut} left out`] : []),
    ];
    const covered = uncovered ? words.coverageInWords(uncovered, terminal.paint) : '';
    return `\n${counts.join(', ')} in ${span(performance.now() - began)}\n${covered}`;
  });
  return { ok, read };
}

/** Writes what happened into the file of a scenario that expects nothing yet. */
function recordInto(
  { file, document, line }: Scenario,
  { observed }: Result,
  {
    record,
    json,
    terminal,
  }: { record: typeof import('../../../scenarios/record.ts'); json: boolean } & Pick<CliContext, 'terminal'>,
): void {
  if (!observed) return;
  try {
    record.recordExpectation(file, document, observed);
  } catch (error) {
    throw new CliError(`Failed to record in ${fromHere(file)}:${line}: ${withoutPath(error)}`);
  }
  if (!json) terminal.write(`    recorded in ${fromHere(file)}:${line}; review what it expects\n`);
}

interface Loaded {
  problems: Problem[];
  scenarios: Scenario[];
  /** Scenarios that the options leave out. */
  leftOut: number;
  read: string[];
  /** Absent: there are problems, so nothing is played. */
  ground?: { config: Config; catalog: Catalog; playbooks: Playbook[] };
}

async function load(paths: string[], options: Options, command: Command): Promise<Loaded> {
  const { readScenarios, scenarioFolder } = await import('../../../scenarios/read.ts');
  const read = [...paths, ...(options.playbook ?? [])];
  const nothing = (problems: Problem[]): Loaded => ({ problems, scenarios: [], leftOut: 0, read });
  try {
    const { config, file } = readSettings(command);
    const where = paths.length > 0 ? paths : [scenarioFolder(config.playbooks)];
    read.push(file, config.verification.catalog, ...where);
    const used = options.playbook?.map((one) => dirname(one)) ?? [config.playbooks.directory];
    read.push(...used.map(scriptsBeside), ...(options.playbook ? [] : used));
    const catalog = loadCatalog(config.verification.catalog);
    const playbooks = readPlaybookFiles(options.playbook ?? [], config, catalog);
    const names = playbooks.map(({ name }) => name);
    // Scenarios of other playbooks are left out, so their playbooks are not unknown.
    const known = options.playbook ? undefined : names;
    const found = readScenarios(where, {
      catalog,
      lab: config.lab,
      records: options.record === true,
      ...(known && { playbooks: known }),
    });
    read.push(...found.read);
    if (found.problems.length > 0) return nothing(found.problems);
    const chosen = found.scenarios.filter((scenario) => isChosen(scenario, options, names));
    if (chosen.length === 0) {
      const which = whichOf(options, names);
      const message = which === '' ? 'contains no scenario' : `no scenario ${which}`;
      return nothing([{ file: where.join(', '), line: 0, column: 0, path: '', message }]);
    }
    return {
      problems: [],
      scenarios: chosen,
      leftOut: found.scenarios.length - chosen.length,
      read,
      ground: { config, catalog, playbooks },
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A file that can't be read is watched too.
    read.push(...error.problems.map(({ file }) => file));
    return nothing(error.problems);
  }
}

function isChosen({ name, expect }: Scenario, { filter, playbook }: Options, names: readonly string[]): boolean {
  if (playbook && expect && !names.includes(expect.playbook ?? '')) return false;
  return filter === undefined || name.toLowerCase().includes(filter.toLowerCase());
}

const whichOf = ({ filter, playbook }: Options, names: readonly string[]) =>
  [
    ...(playbook ? [`expects the playbook ${names.join(' or ')}`] : []),
    ...(filter === undefined ? [] : [`has "${filter}" in its name`]),
  ].join(' and ');
