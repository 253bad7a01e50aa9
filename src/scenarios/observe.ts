/** What happened when a situation was played, in the terms of a scenario's expectations. */
import type { Instant } from '../incident/alert.ts';
import { commandLine } from '../incident/command-line.ts';
import type { Entry, IncidentEvent } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { Outcome } from '../incident/outcome.ts';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';

export interface Observed {
  outcome: Outcome;
  reason: string;
  /** The playbooks that ran for the alert, in order. */
  playbooks: string[];
  /** Every command that changed something, as an administrator would type it. */
  commands: string[];
  /** Guards that refused a step or made it wait, in order; also those of other servers' incidents. */
  guards: string[];
  /** From the alert to the end, in the organisation's milliseconds. */
  took: number;
  /** Whether a person was woken. */
  notified: boolean;
  left: string[];
}

/** An entry of the journal of any incident that was played. */
export type Happened = Pick<Entry, 'at' | 'type' | 'data'> & { incident: string };

/** Undefined if the incident never ended. */
export function observe(
  { lab, notices }: Pick<Rehearsal, 'lab' | 'notices'>,
  { id, finished, runs }: Incident,
  happened: readonly Happened[],
  began: Instant,
): Observed | undefined {
  if (!finished) return undefined;
  const ended = happened.findLast(({ incident }) => incident === id)?.at ?? began;
  return {
    outcome: finished.outcome,
    reason: finished.reason,
    playbooks: runs.map(({ playbook }) => playbook),
    commands: lab
      .commands()
      .filter(({ effect }) => effect === 'changed')
      .map(({ server, command, arguments: parameters }) => commandLine(command, server, parameters)),
    guards: [...new Set(happened.flatMap(guardOf))],
    took: ended - began,
    notified: notices.some(({ kind }) => kind === 'escalation'),
    left: [...finished.left, ...finished.owed],
  };
}

function guardOf({ type, data }: Happened): string[] {
  const event = { type, data } as IncidentEvent;
  if (event.type === 'held') return [event.data.guard];
  if (event.type === 'stepFinished' && event.data.guard) return [event.data.guard.name];
  return [];
}
