import type { Command } from 'commander';
import type { Config } from '../../../config/config.ts';
import { readText } from '../../../config/yaml.ts';
import type { Entry } from '../../../incident/event.ts';
import { monitorParts } from '../../../incident/health.ts';
import { readInstants } from '../../../ports/instants.ts';
import { readFault } from '../../../rehearsal/fault-text.ts';
import type { Past } from '../../../rehearsal/past.ts';
import type { Situation } from '../../../rehearsal/situation.ts';
import { daemonOf } from '../../daemon/connect.ts';
import { CliError, inWords } from '../../errors.ts';
import type { Options } from './options.ts';

const SHIPPED_FAULT = 'imap-backend-wedged';

/** What is wrong: faults, a recording, or what a journal says. */
export async function situationOf(
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
    import('../../../recording/file.ts'),
    import('../../../lab/world/organisation.ts'),
  ]);
  const files = isRecorded
    ? { ...(recording !== undefined && { recording }) }
    : { ...(organisation !== undefined && { organisation }) };
  // A scenario is always played at the same time, so it is recorded at that time.
  const at =
    options.at ?? (options.record === undefined ? undefined : (await import('../../../scenarios/read.ts')).BEGINS);
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
  const written = options.fault ?? (isRecorded ? [] : [SHIPPED_FAULT]);
  const faults = written.map((text, index) => faultOf(text, index === 0 ? options.server : undefined));
  const alert = {
    ...(options.server !== undefined && { server: options.server }),
    ...monitorParts(options.monitor ?? ''),
  };
  return { situation: { ...place, faults, alert }, says: [], files };
}

async function pastOf(
  { incident, journal }: Options,
  command: Command,
  place: Omit<Situation, 'faults'>,
): Promise<Past> {
  const [{ situationOf }, { createLab }] = await Promise.all([
    import('../../../rehearsal/past.ts'),
    import('../../../lab/lab.ts'),
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
