import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../../config/config.ts';
import type { Instant } from '../../../incident/alert.ts';
import type { Entry, Finished } from '../../../incident/event.ts';
import type { Incident } from '../../../incident/incident.ts';
import type { Playbook } from '../../../incident/plan.ts';
import { withoutPath } from '../../../lib/shown.ts';
import type { Situation, Staged } from '../../../rehearsal/situation.ts';
import { loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, wantsJson } from '../../context.ts';
import { CliError, inWords } from '../../errors.ts';
import { healthSetName } from '../../output/narrate.ts';
import { people, type Scene, scripts } from '../../output/scene.ts';
import { fromHere } from '../../output/simulate-line.ts';
import { readPlaybookFiles } from '../../playbooks.ts';
import { readSettings } from '../../settings.ts';
import type { Options } from './options.ts';
import { situationOf } from './situation.ts';
import { Stopped, stepping } from './stepping.ts';

/** Returns whether the server is healthy at the end. */
export async function simulate(options: Options, command: Command, context: CliContext): Promise<boolean> {
  const begun = performance.now();
  const { config } = readSettings(command);
  const { inMode, play, stage } = await import('../../../rehearsal/situation.ts');
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

type Played = Pick<Entry, 'seq' | 'at' | 'type' | 'data'> & { incident: string };

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
    import('../../../scenarios/observe.ts'),
    import('../../../scenarios/record.ts'),
    import('../../../scenarios/read.ts'),
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

/** What to try next, when the configuration kept the playbook from acting. */
function hint({ outcome }: Finished, { safety }: Config, playbooks: readonly Playbook[], { mode }: Options): string {
  const observes = safety.mode === 'observe' || playbooks.every((one) => one.mode === 'observe');
  if (outcome !== 'suppressed' || mode !== undefined || !observes) return '';
  return '  Next       --mode auto   what the playbook would do if it might act\n\n';
}
