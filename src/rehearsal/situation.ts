/** What is rehearsed: an organisation, what is wrong in it, the alert about it, and what people answer. */
import { createOperations } from '../engine/operations/operations.ts';
import { type Instant, shortName } from '../incident/alert.ts';
import { isMonitor, type MonitorRef } from '../incident/health.ts';
import type { Incident } from '../incident/incident.ts';
import type { Mode, Playbook } from '../incident/plan.ts';
import { createLab, type Lab, type LabOptions } from '../lab/lab.ts';
import type { FaultView } from '../lab/view.ts';
import { createRehearsal, type Rehearsal, type RehearsalOptions } from './rehearsal.ts';

export interface Situation extends Pick<LabOptions, 'organisation' | 'recording' | 'cure' | 'seed'> {
  /** Faults and disturbances, as POST /lab/v1/faults takes them. */
  faults: readonly Record<string, unknown>[];
  /** Default: about the first monitor that is unhealthy, on this server if one is given. */
  alert?: Partial<MonitorRef> & { server?: string };
  /** What people answer when they are asked for approval; default: nothing, and the request expires. */
  people?: 'approve' | 'reject';
  /** When it begins; default: now. */
  at?: Instant;
}

/** A situation that is ready to be played. */
export interface Staged {
  rehearsal: Rehearsal;
  faults: FaultView[];
  alert: { server: string; healthSet: string; monitor?: string; targetResource?: string };
}

/** The situation raises no alert, or contradicts itself. The message is for people. */
export class NoAlert extends Error {}

/** Throws `LabProblems` if the organisation can't have these faults, and `NoAlert`. */
export function stage(situation: Situation, options: Omit<RehearsalOptions, 'lab'>): Staged {
  const lab = labOf(situation);
  for (const fault of situation.faults) lab.post(fault);
  return {
    rehearsal: createRehearsal({ ...options, lab }),
    faults: lab.faults(),
    alert: alertOf(situation, lab),
  };
}

/** The organisation before anything is wrong in it. Throws `LabProblems`. */
export function labOf({ organisation, recording, cure, seed = 1, at }: Situation): Lab {
  return createLab({
    speed: 1,
    virtual: true,
    seed,
    ...(organisation && { organisation }),
    ...(recording && { recording }),
    ...(cure && { cure }),
    ...(at !== undefined && { realNow: () => at }),
  });
}

/** The alert of the situation, once its faults are there. Throws `NoAlert`. */
export function alertOf({ alert = {} }: Pick<Situation, 'alert'>, lab: Lab): Staged['alert'] {
  return alertAbout(lab.faults(), alert, lab.organisation().servers);
}

/** Every playbook in this mode, whatever it and the configuration say. */
export function inMode<Options extends Pick<RehearsalOptions, 'config' | 'playbooks'>>(
  mode: Mode | undefined,
  options: Options,
): Options {
  if (mode === undefined) return options;
  const { config, playbooks } = options;
  return {
    ...options,
    config: { ...config, safety: { ...config.safety, mode }, playbooks: { ...config.playbooks, restrictions: [] } },
    playbooks: playbooks.map((playbook): Playbook => ({ ...playbook, mode })),
  };
}

/** Sends the alert and lets time run until everything has ended. Returns the incident of the alert; undefined if none was opened. */
export async function play({ rehearsal, alert }: Staged, people?: Situation['people']): Promise<Incident | undefined> {
  const id = await rehearsal.alert(alert);
  if (id === '') return undefined;
  if (people) await answering(rehearsal, people);
  else await rehearsal.run();
  return rehearsal.incident(id);
}

/** Each person approves or rejects whatever waits for an approval, until nothing does. */
async function answering(rehearsal: Rehearsal, people: NonNullable<Situation['people']>): Promise<void> {
  const { engine, store } = rehearsal;
  const operations = createOperations(engine, {
    reload: async () => {},
    readiness: async () => ({ ready: true, parts: [] }),
  });
  const waits = ({ held, conclusion }: Incident) => held?.approval === true && !conclusion;
  for (let answers = 0; ; answers += 1) {
    await rehearsal.run(waits);
    const open = await Promise.all((await store.openIncidents()).map((id) => rehearsal.incident(id)));
    const waiting = open.find(waits);
    if (!waiting) return;
    // Under the two-person rule, the next approval must come from someone else.
    await operations[people](waiting.id, { by: `person-${answers + 1}` });
  }
}

function alertAbout(
  faults: readonly FaultView[],
  wanted: NonNullable<Situation['alert']>,
  servers: readonly { name: string }[],
): Staged['alert'] {
  const { healthSet, monitor } = wanted;
  const server = wanted.server === undefined ? undefined : shortName(wanted.server);
  if (server !== undefined && !servers.some(({ name }) => name === server)) {
    throw new NoAlert(`There is no server ${wanted.server}. Known: ${servers.map(({ name }) => name).join(', ')}`);
  }
  const shown = faults
    .flatMap(({ shows }) => shows)
    .map(({ server, monitor }) => ({ server, ...monitorOf(monitor) }))
    .filter((one) => server === undefined || one.server === server);
  const chosen = shown.find(
    (one) =>
      (healthSet === undefined || isMonitor({ ...one, healthSet }, one)) &&
      (monitor === undefined || isMonitor({ ...one, monitor }, one)),
  );
  if (chosen) return chosen;
  // An alert about something healthy is a situation too.
  if (server !== undefined && healthSet !== undefined) return { ...wanted, server, healthSet };
  const where = server === undefined ? '' : ` on ${server}`;
  const names = shown.map((one) => `${one.healthSet}\\${one.monitor}`);
  if (names.length > 0) throw new NoAlert(`No such monitor is unhealthy${where}. Unhealthy: ${names.join(', ')}`);
  throw new NoAlert(`No monitor is unhealthy${where}, so no alert would be raised.`);
}

function monitorOf(written: string): MonitorRef {
  const [healthSet = '', monitor = '', targetResource] = written.split('\\');
  return { healthSet, monitor, ...(targetResource !== undefined && { targetResource }) };
}
