import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { type Command, Option } from 'commander';
import type { Config } from '../../config/config.ts';
import { readText } from '../../config/yaml.ts';
import type { Asked } from '../../guards/index.ts';
import type { Instant } from '../../incident/alert.ts';
import type { Entry, Finished } from '../../incident/event.ts';
import type { Incident } from '../../incident/incident.ts';
import type { Decision } from '../../incident/next.ts';
import { MODES, type Mode, type Playbook } from '../../incident/plan.ts';
import { withoutPath } from '../../lib/shown.ts';
import { readInstants } from '../../ports/instants.ts';
import type { WhatIf } from '../../ports/operations.ts';
import { readFault } from '../../rehearsal/fault-text.ts';
import type { Past } from '../../rehearsal/past.ts';
import type { Situation, Staged } from '../../rehearsal/situation.ts';
import { loadCatalog } from '../../verification/catalog.ts';
import { type CliContext, print, wantsJson } from '../context.ts';
import { daemonOf, talking } from '../daemon/connect.ts';
import { CliError, inWords, UsageError } from '../errors.ts';
import { decisionInWords, guardsInWords } from '../output/decisions.ts';
import { details, healthSetName } from '../output/narrate.ts';
import { people, type Scene, scripts } from '../output/scene.ts';
import { fromHere } from '../output/simulate-line.ts';
import { plain } from '../output/text.ts';
import { whatIfInText } from '../output/what-if.ts';
import { readPlaybookFiles } from '../playbooks.ts';
import { readSettings } from '../settings.ts';
import { instant, wholeNumber } from '../values.ts';

interface Options {
  fault?: string[];
  server?: string;
  monitor?: string;
  playbook?: string[];
  organisation?: string;
  recording?: string;
  cure?: NonNullable<Situation['cure']>;
  seed?: number;
  incident?: string;
  journal?: string;
  mode?: Mode;
  approve?: true;
  reject?: true;
  step?: true;
  at?: number;
  record?: string;
  recordTo?: string;
  whatIf?: true;
}

const SHIPPED_FAULT = 'imap-backend-wedged';

export function simulateCommand(program: Command, context: CliContext): void {
  const several = (value: string, before: string[] = []) => [...before, value];
  talking(program.command('simulate'))
    .description('play a whole incident on a simulated organisation, in a moment; needs no daemon and changes nothing')
    .option(
      '--fault <fault>',
      'what is wrong, with its options: "unhealthy healthSet=OWA cure=restart-server"; may be repeated',
      several,
    )
    .option('--server <name>', 'the server of the fault and of the alert')
    .option('--monitor <name>', 'the monitor of the alert: HealthSet\\Monitor (default: the first that is unhealthy)')
    .option('--playbook <file>', 'use these playbooks instead of the configured folder; may be repeated', several)
    .option('--organisation <file>', 'play on this organisation (default: lab.organisation)')
    .option('--recording <file>', 'play on this recording (default: lab.recording)')
    .addOption(
      new Option('--cure <cure>', 'what cures the monitors that are unhealthy in the recording').choices([
        'restart-service',
        'restart-server',
        'fail-over',
        'none',
      ]),
    )
    .option('--seed <number>', 'seed of the lab’s random choices', wholeNumber)
    .option('--incident <id>', 'play a past incident again: a running daemon provides its journal')
    .option('--journal <file>', 'play a past incident again: the JSON that /api/v1/incidents/:id/journal answered')
    .addOption(
      new Option('--mode <mode>', 'play every playbook in this mode (default: as configured)').choices([...MODES]),
    )
    .option('--approve', 'people approve whenever they are asked')
    .option('--reject', 'people reject whenever they are asked')
    .option('--at <time>', 'when it begins, such as 2026-12-08T22:30+01:00 (default: now)', instant)
    .option('--step', 'stop before each decision, with the answers of the guards')
    .option('--record <name>', 'write a scenario of this name for "playbooks test" that expects what happens')
    .option('--record-to <file>', 'file of that scenario (default: named after it, in the folder of the scenarios)')
    .option(
      '--what-if',
      'ask the running daemon what it would do now if this alert came; nothing is simulated or changed',
    )
    .addHelpText(
      'after',
      `
Examples:
  second-responder simulate --fault imap-backend-wedged --server mbx1
  second-responder simulate --fault imap-proxy-hang --server cas1 --fault "refuse command=Restart-Service"
  second-responder simulate --recording ours.json --server srv4 --step
  second-responder simulate --what-if --server mbx1 --monitor 'IMAP.Protocol\\ImapSelfTestMonitor'`,
    )
    .action(async (options: Options, command: Command) => {
      check(options, command);
      if (options.whatIf) return askWhatIf(options, command, context);
      if (!(await simulate(options, command, context))) context.fail();
    });
}

function check(options: Options, command: Command): void {
  const both = (one: keyof Options, other: keyof Options) => {
    if (options[one] !== undefined && options[other] !== undefined)
      throw new UsageError(`--${one} cannot be combined with --${other}.`);
  };
  both('organisation', 'recording');
  both('incident', 'journal');
  both('approve', 'reject');
  if (options.recordTo !== undefined && options.record === undefined)
    throw new UsageError('--record-to requires --record with the name of the scenario.');
  if (options.step && wantsJson(command)) throw new UsageError('--step cannot be combined with --json.');
  if (options.whatIf && options.server === undefined) throw new UsageError('--what-if needs a --server.');
  const simulated = (
    ['fault', 'playbook', 'organisation', 'recording', 'incident', 'journal', 'mode', 'step'] as const
  ).find((name) => options[name] !== undefined);
  if (options.whatIf && simulated)
    throw new UsageError(`--what-if asks about the live organisation: it cannot be combined with --${simulated}.`);
  if (options.fault && (options.incident ?? options.journal) !== undefined)
    throw new UsageError('A past incident says what was wrong: it cannot be combined with --fault.');
}

/** Probes may take minutes. */
const WHAT_IF_WITHIN = 10 * 60_000;

async function askWhatIf({ server, monitor: named }: Options, command: Command, context: CliContext): Promise<void> {
  const [healthSet, monitor, targetResource] = named?.split('\\') ?? [];
  const alert = {
    server,
    ...(healthSet && { healthSet }),
    ...(monitor && { monitor }),
    ...(targetResource && { targetResource }),
  };
  const answer = await daemonOf(command).ask('POST', '/api/v1/what-if', alert, WHAT_IF_WITHIN);
  print(command, context, answer, () => whatIfInText(readInstants<WhatIf>(answer), context.terminal));
}

/** Returns whether the server is healthy at the end. */
async function simulate(options: Options, command: Command, context: CliContext): Promise<boolean> {
  const begun = performance.now();
  const { config } = readSettings(command);
  const { inMode, play, stage } = await import('../../rehearsal/situation.ts');
  const catalog = loadCatalog(config.verification.catalog);
  const playbooks = readPlaybookFiles(options.playbook ?? [], config, catalog);
  const { situation, says, files } = await situationOf(options, command, config);

  const { terminal } = context;
  const json = wantsJson(command);
  const steps = options.step ? stepping(context) : undefined;
  const events: Played[] = [];
  let scene: Scene | undefined;
  const staged = inWords(() =>
    stage(situation, {
      ...inMode(options.mode, { config, catalog, playbooks }),
      onEntry({ id }, entry) {
        const event = { incident: id, seq: entry.seq, at: entry.at, type: entry.type, data: entry.data };
        events.push(event);
        steps?.printGuards();
        scene?.happens(event, event);
      },
      ...(steps && { beforeDecision: steps.beforeDecision, onGuard: steps.onGuard }),
    }),
  );
  const { rehearsal, faults, alert } = staged;
  const { clock } = rehearsal.lab;
  const shows = faults.flatMap((fault) => fault.shows);
  scene = json
    ? scripts(terminal)
    : people(terminal, [
        ['Exchange', `${rehearsal.lab.organisation().name}, simulated; its time is advanced to whatever is due next`],
        ...[...rehearsal.lab.notes, ...says].map((note, index): [string, string] => [index === 0 ? 'Note' : '', note]),
      ]);
  const brokenAt = clock.now();
  scene.broken(brokenAt, faults.map(({ fault }) => fault).join(', ') || 'nothing', alert.server, shows);
  scene.posted(brokenAt, { label: 'Alert', text: 'arrives' }, `${healthSetName(alert.healthSet)} on ${alert.server}`);
  try {
    const incident = await play(staged, options.approve ? 'approve' : options.reject ? 'reject' : undefined);
    if (!incident?.finished) throw new CliError('The alert opened no incident, or the incident never ended.');
    const { finished } = incident;
    const at = events.findLast((event) => event.incident === incident.id)?.at ?? clock.now();
    const took = { organisation: at - brokenAt, real: performance.now() - begun };
    const isNotified = rehearsal.notices.some(({ kind }) => kind === 'escalation');
    scene.over(finished, rehearsal.lab.commands(), took, isNotified);
    if (!json) terminal.write(hint(finished, config, playbooks, options));
    if (options.record !== undefined) {
      const file = await recordTo(options, config, { situation, files, staged, incident, events, began: brokenAt });
      if (!json) terminal.write(`  Recorded   ${fromHere(file)}; review what it expects\n\n`);
    }
    return finished.outcome === 'recovered' || finished.outcome === 'transient';
  } catch (error) {
    if (error instanceof Stopped) return true;
    throw error;
  } finally {
    steps?.close();
  }
}

interface Course {
  situation: Situation;
  files: Pick<Options, 'organisation' | 'recording'>;
  staged: Staged;
  incident: Incident;
  events: readonly Played[];
  began: Instant;
}

/** Writes what happened as a new scenario, and returns its file. */
async function recordTo(
  { record = '', recordTo, mode }: Options,
  { playbooks }: Config,
  course: Course,
): Promise<string> {
  const [{ observe }, { fileNameOf, recordScenario }, { scenarioFolder }] = await Promise.all([
    import('../../scenarios/observe.ts'),
    import('../../scenarios/record.ts'),
    import('../../scenarios/read.ts'),
  ]);
  const { situation, files, staged, incident, events, began } = course;
  const file = recordTo ?? join(scenarioFolder(playbooks), fileNameOf(record));
  const observed = observe(staged.rehearsal, incident, events, began);
  if (!observed) throw new CliError('The incident never ended, so there is nothing to record.');
  try {
    recordScenario(file, { name: record, situation, ...files, mode, alert: staged.alert, observed });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists ? 'there is such a file already; choose another name, or --record-to' : withoutPath(error);
    throw new CliError(`Failed to write ${file}: ${why}`);
  }
  return file;
}

/** The person quit. */
class Stopped extends Error {}

const GUARD_INDENT = 24;

type Played = Pick<Entry, 'seq' | 'at' | 'type' | 'data'> & { incident: string };

/** What is wrong: faults, a recording, or what a journal says. */
async function situationOf(
  options: Options,
  command: Command,
  config: Config,
): Promise<{ situation: Situation; says: string[]; files: Pick<Options, 'organisation' | 'recording'> }> {
  const {
    organisation = config.lab.organisation,
    recording = config.lab.recording,
    cure = config.lab.cure,
    seed = config.lab.seed,
  } = options;
  const isRecorded = options.recording !== undefined || (options.organisation === undefined && recording !== undefined);
  const [{ readRecording }, { readOrganisation }] = await Promise.all([
    import('../../recording/file.ts'),
    import('../../lab/world/organisation.ts'),
  ]);
  const files = isRecorded
    ? { ...(recording !== undefined && { recording }) }
    : { ...(organisation !== undefined && { organisation }) };
  // A scenario is always played at the same time, so it is recorded at that time.
  const at =
    options.at ?? (options.record === undefined ? undefined : (await import('../../scenarios/read.ts')).BEGINS);
  const place: Omit<Situation, 'faults'> = {
    ...(at !== undefined && { at }),
    ...(isRecorded && recording !== undefined && { recording: readRecording(recording), cure }),
    ...(!isRecorded && organisation !== undefined && { organisation: inWords(() => readOrganisation(organisation)) }),
    ...(seed !== undefined && { seed }),
    ...(options.approve && { people: 'approve' as const }),
    ...(options.reject && { people: 'reject' as const }),
  };
  if (options.incident !== undefined || options.journal !== undefined) {
    const past = await pastOf(options, command, place);
    return { situation: { ...place, ...past.situation }, says: past.says, files };
  }
  const [healthSet, monitor, targetResource] = options.monitor?.split('\\') ?? [];
  const written = options.fault ?? (isRecorded ? [] : [SHIPPED_FAULT]);
  const faults = written.map((text, index) => faultOf(text, index === 0 ? options.server : undefined));
  const alert = {
    ...(options.server !== undefined && { server: options.server }),
    ...(healthSet && { healthSet }),
    ...(monitor && { monitor }),
    ...(targetResource && { targetResource }),
  };
  return { situation: { ...place, faults, alert }, says: [], files };
}

async function pastOf(
  { incident, journal }: Options,
  command: Command,
  place: Omit<Situation, 'faults'>,
): Promise<Past> {
  const [{ situationOf }, { createLab }] = await Promise.all([
    import('../../rehearsal/past.ts'),
    import('../../lab/lab.ts'),
  ]);
  const entries = journal === undefined ? await journalOf(String(incident), command) : journalIn(journal);
  const lab = createLab({ ...place, speed: 1, virtual: true });
  return inWords(() => situationOf(entries, lab.organisation()));
}

async function journalOf(id: string, command: Command): Promise<Entry[]> {
  return readInstants(await daemonOf(command).ask('GET', `/api/v1/incidents/${encodeURIComponent(id)}/journal`));
}

function journalIn(file: string): Entry[] {
  let read: unknown;
  try {
    read = JSON.parse(readText(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CliError(`${file} is not valid JSON: ${error.message}`);
  }
  const isJournal = Array.isArray(read) && read[0]?.type === 'opened';
  if (!isJournal)
    throw new CliError(`${file} is not a journal: it must be the answer of /api/v1/incidents/:id/journal`);
  return readInstants(read);
}

function faultOf(text: string, server: string | undefined): Record<string, unknown> {
  const fault = inWords(() => readFault(text));
  return { ...(server !== undefined && { server }), ...fault };
}

/** Stops before each decision until Enter is pressed; `c` continues to the end. */
function stepping({ terminal }: CliContext) {
  const { paint, write, columns } = terminal;
  const input: Interface = createInterface({ input: process.stdin, terminal: false });
  const lines = input[Symbol.asyncIterator]();
  let goesOn = false;
  const guards: Asked[] = [];
  const printGuards = () => {
    for (const line of details(guardsInWords(guards.splice(0)), GUARD_INDENT, paint, columns - GUARD_INDENT))
      write(`${line}\n`);
  };
  return {
    onGuard: (_: Incident, __: number, asked: Asked) => void guards.push(asked),
    printGuards,
    async beforeDecision(incident: Incident, decision: Decision) {
      printGuards();
      const words = decisionInWords(incident, decision);
      if (goesOn || words === undefined) return;
      write(
        `\n  ${paint('bold', 'Next')}  ${plain(words)}  ${paint('dim', '[Enter] go on, [c] continue to the end, [q] quit')} `,
      );
      const { value, done } = await lines.next();
      write('\n');
      if (value?.trim() === 'q') throw new Stopped();
      goesOn = done === true || value?.trim() === 'c';
    },
    close: () => input.close(),
  };
}

/** What to try next, when the configuration kept the playbook from acting. */
function hint({ outcome }: Finished, { safety }: Config, playbooks: readonly Playbook[], { mode }: Options): string {
  const observes = safety.mode === 'observe' || playbooks.every((one) => one.mode === 'observe');
  if (outcome !== 'suppressed' || mode !== undefined || !observes) return '';
  return '  Next       --mode auto   what the playbook would do if it might act\n\n';
}
