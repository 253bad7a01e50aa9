/** Plays one cell of a drill, and says who was healed by what, or woken and why. */
import type { StepFinished } from '../incident/event.ts';
import { monitorName } from '../incident/health.ts';
import type { Incident } from '../incident/incident.ts';
import type { Outcome } from '../incident/outcome.ts';
import { LabProblems } from '../lab/world/problems.ts';
import { Endless, type RehearsalOptions } from '../rehearsal/rehearsal.ts';
import { play, type Situation, type Staged, stage } from '../rehearsal/situation.ts';
import type { Cell } from './cells.ts';

export interface CellResult {
  server: string;
  monitor: string;
  playbook: string;
  cure: string;
  outcome: Outcome | 'endless';
  /** Minutes from the alert to the end, one decimal. */
  minutes: number;
  /** Every changing command, in order: `mbx1 Restart-Service MSExchangeIMAP4BE`. */
  commands: string[];
  serviceRestarts: number;
  reboots: number;
  woken: boolean;
  /** Why it did not recover: `dag: only-copy`, a guard with its reason, or one of `OTHER_REASONS`; and in one sentence. */
  why?: string;
  says: string;
}

/** Why an incident did not recover, where no guard stopped it. */
export const OTHER_REASONS = {
  'nothing-helped': 'every step was tried, and nothing helped',
  'not-seen': 'the result could not be verified',
  'no-playbook': 'no playbook handles the monitor',
  stopped: 'a step failed or was refused',
  endless: 'the incident never ended',
} as const;

export type Place = Pick<Situation, 'organisation' | 'recording' | 'cure' | 'seed'>;

/** Undefined for a cell that the organisation does not allow: a server without active databases is not cured by moving them. */
export async function drillCell(
  cell: Cell,
  place: Place,
  options: Omit<RehearsalOptions, 'lab' | 'onEntry'>,
): Promise<CellResult | undefined> {
  const stopped: NonNullable<StepFinished['guard']>[] = [];
  const staged = stageFirst(cell, place, {
    ...options,
    onEntry(_, { type, data }) {
      const { guard } = type === 'stepFinished' ? (data as StepFinished) : {};
      if (guard) stopped.push(guard);
    },
  });
  if (!staged) return undefined;
  const { rehearsal } = staged;
  const began = rehearsal.lab.clock.now();
  const incident = await play(staged).catch((error: unknown) => {
    if (error instanceof Endless) return undefined;
    throw error;
  });
  const finished = incident?.finished;
  const recovered = finished?.outcome === 'recovered' || finished?.outcome === 'transient';
  const changes = rehearsal.lab.commands().filter(({ effect }) => effect === 'changed');
  const count = (command: string) => changes.filter((one) => one.command === command).length;
  const { server, healthSet, monitor, playbook, cure } = cell;
  return {
    server,
    monitor: monitorName({ healthSet, monitor }),
    playbook,
    cure,
    outcome: finished?.outcome ?? 'endless',
    minutes: Math.round((rehearsal.lab.clock.now() - began) / 6_000) / 10,
    commands: changes.map(({ server: on, command, arguments: given }) =>
      [on, command, given.Name].filter(Boolean).join(' '),
    ),
    serviceRestarts: count('Restart-Service'),
    reboots: count('Restart-Computer'),
    woken: rehearsal.notices.some(({ kind }) => kind === 'escalation'),
    ...(!recovered && { why: whyOf(incident, stopped.at(-1)) }),
    says: finished?.reason ?? OTHER_REASONS.endless,
  };
}

function stageFirst(cell: Cell, place: Place, options: Omit<RehearsalOptions, 'lab'>): Staged | undefined {
  const { server, healthSet, monitor } = cell;
  for (const fault of cell.faults) {
    try {
      const staged = stage({ ...place, faults: [fault], alert: { server, healthSet, monitor } }, options);
      if (staged.faults.some(({ shows }) => shows.some((one) => isAbout(one, cell)))) return staged;
    } catch (error) {
      if (!(error instanceof LabProblems)) throw error;
    }
  }
  return undefined;
}

const isAbout = (shown: { server: string; monitor: string }, { server, healthSet, monitor }: Cell) =>
  shown.server === server && `${shown.monitor}\\`.startsWith(`${healthSet}\\${monitor}\\`);

function whyOf(incident: Incident | undefined, guard: StepFinished['guard']): string {
  if (guard) return `${guard.name}: ${guard.reason}`;
  if (!incident?.finished) return 'endless' satisfies keyof typeof OTHER_REASONS;
  if (incident.conclusion?.exhausted) return 'nothing-helped';
  if (incident.runs.length === 0) return 'no-playbook';
  if (incident.verified?.verdict === 'inconclusive') return 'not-seen';
  return 'stopped';
}
