/** What the engine guarantees for every playbook, each with its name. */
import type { IncidentEvent } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { Intent } from '../incident/intent.ts';
import { isOutstanding } from '../incident/undo.ts';
import type { Effect } from './exchange-state.ts';
import type { What } from './shell.ts';
import type { State } from './state.ts';

export type Checked = Pick<State, 'incident' | 'exchange' | 'seen' | 'found'>;

/** What happened between two states. */
export interface Occurred {
  /** The entry that was written to the journal. */
  wrote?: IncidentEvent;
  /** The command that reached its target. */
  arrived?: { intent: Intent; effect: Effect };
  /** What a worker sent, and what it knew then. */
  sent?: { what: What; knows: Incident };
}

type Check = (before: Checked, occurred: Occurred) => boolean;

const INVARIANTS = Object.entries<Check>({
  'no reboot while the server holds an active database copy': ({ exchange }, { arrived }) =>
    arrived?.effect !== 'changed' || arrived.intent.command !== 'Restart-Computer' || !exchange.active,

  'a change is decided only on a problem that the last verification confirmed': ({ incident }, { wrote }) =>
    !changes(wrote) || (incident.verified?.verdict === 'confirmed' && !incident.verifyFirst),

  'one thing at a time: nothing begins before what was begun has ended': ({ incident }, { wrote }) =>
    (wrote?.type !== 'stepStarted' && wrote?.type !== 'undoStarted') ||
    (incident.steps.every(({ state }) => state !== 'started') &&
      incident.undo.every(({ state }) => state !== 'started')),

  'once the outcome is decided, no step that changes something begins, and nothing is matched': (
    { incident },
    { wrote },
  ) => incident.conclusion === undefined || (!changes(wrote) && wrote?.type !== 'matched'),

  'nothing but an undo is sent for an incident known to be cancelled': (_, { sent }) =>
    !sent || 'undo' in sent.what || sent.knows.conclusion?.outcome !== 'cancelled',

  'a cancelled incident ends cancelled, or escalated when it could not be undone': ({ incident }, { wrote }) =>
    wrote?.type !== 'finished' ||
    incident.conclusion?.outcome !== 'cancelled' ||
    ['cancelled', 'escalated'].includes(wrote.data.outcome),

  'what must always be undone is undone before the end, or could not be': ({ incident }, { wrote }) =>
    wrote?.type !== 'finished' ||
    incident.undo.every(
      (undo) => undo.state !== 'owed' || undo.when !== 'always' || waitsForFailed(incident, undo.dependsOn),
    ),

  'the end names everything that is still changed': ({ incident }, { wrote }) =>
    wrote?.type !== 'finished' ||
    incident.undo.filter(isOutstanding).length === wrote.data.left.length + wrote.data.owed.length,

  'recovered: changed, seen healthy after it, and nothing left': ({ incident, seen }, { wrote }) =>
    wrote?.type !== 'finished' ||
    wrote.data.outcome !== 'recovered' ||
    (incident.changed && seen.healthy && wrote.data.left.length + wrote.data.owed.length === 0) ||
    incident.asked !== undefined,

  'transient: seen healthy, and nothing changed': ({ incident, seen }, { wrote }) =>
    wrote?.type !== 'finished' || wrote.data.outcome !== 'transient' || (!incident.changed && seen.healthy),

  'nothing is written after the end': ({ incident }, { wrote }) =>
    wrote === undefined || incident.finished === undefined,
});

/** The names of those that do not hold. */
export function brokenInvariants(before: Checked, occurred: Occurred): string[] {
  return INVARIANTS.flatMap(([name, holds]) => (holds(before, occurred) ? [] : [name]));
}

/** Whether everything that is still changed at the end is named in it. Changes made by others are not ours to undo. */
export function reportsEveryChange(state: Checked): boolean {
  return (
    isReported(state, 'activation', state.exchange.blocked) &&
    isReported(state, 'imap-protocol-log', state.exchange.log)
  );
}

function isReported({ incident, found }: Checked, setting: keyof State['found'], on: boolean): boolean {
  return (
    !on ||
    found[setting] ||
    incident.undo.some((undo) => undo.setting === setting && (isOutstanding(undo) || undo.state === 'settled'))
  );
}

const changes = (event: IncidentEvent | undefined) => event?.type === 'stepStarted' && event.data.intent !== undefined;

function waitsForFailed({ undo }: Incident, id: string | undefined): boolean {
  return undo.some((other) => other.id === id && other.state === 'failed');
}
