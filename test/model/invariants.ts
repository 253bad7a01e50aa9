/** What must hold in every state, each with its name. */
import type { IncidentEvent } from '../../src/incident/event.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { isOutstanding } from '../../src/incident/undo.ts';
import { view } from '../../src/incident/view.ts';
import type { Follows } from './follow.ts';
import type { State } from './state.ts';

type Check = (before: State, follows: Follows) => boolean;

const INVARIANTS: Record<string, Check> = {
  'the command of a step or an undo takes effect at most once': (_, { arrived, to }) =>
    arrived?.effect !== 'changed' || to.world.effects[arrived.flying.caller] === 1,

  'no reboot while the server holds an active database copy': ({ world }, { arrived }) =>
    arrived?.effect !== 'changed' || arrived.flying.intent.command !== 'Restart-Computer' || !world.active,

  'a change is decided only on trouble that the last look has seen': ({ incident }, { wrote }) =>
    !changes(wrote) || (incident.verified?.verdict === 'confirmed' && !incident.verifyFirst),

  'one thing at a time: nothing begins while something begun has no end': ({ incident }, { wrote }) =>
    (wrote?.type !== 'stepStarted' && wrote?.type !== 'undoStarted') ||
    (incident.steps.every(({ state }) => state !== 'started') &&
      incident.undo.every(({ state }) => state !== 'started')),

  'once it is settled how it ends, no step that changes something begins, and nothing is matched': (
    { incident },
    { wrote },
  ) => incident.conclusion === undefined || (!changes(wrote) && wrote?.type !== 'matched'),

  'nobody who knows that it was cancelled sends anything but an undo': (_, { sent }) =>
    !sent || 'undo' in sent.what || sent.knows.conclusion?.outcome !== 'cancelled',

  'what was cancelled ends cancelled, or escalated when it could not be put back': ({ incident }, { wrote }) =>
    wrote?.type !== 'finished' ||
    incident.conclusion?.outcome !== 'cancelled' ||
    ['cancelled', 'escalated'].includes(wrote.data.outcome),

  'what must always be put back is, before the end, or could not be': ({ incident }, { wrote }) =>
    wrote?.type !== 'finished' ||
    incident.undo.every(
      (debt) => debt.state !== 'owed' || debt.when !== 'always' || waitsForFailed(incident, debt.dependsOn),
    ),

  'what is still changed at the end is told': ({ incident }, { wrote }) =>
    wrote?.type !== 'finished' ||
    incident.undo.filter(isOutstanding).length === wrote.data.left.length + wrote.data.owed.length,

  'nothing is left changed that nobody was told of': (_, { to }) =>
    !isQuiet(to) ||
    (isReported(to, 'activation', to.world.blocked) && isReported(to, 'imap-protocol-log', to.world.log)),

  'recovered: changed, seen healthy after it, and nothing left': ({ incident, seen }, { wrote }) =>
    wrote?.type !== 'finished' ||
    wrote.data.outcome !== 'recovered' ||
    (incident.changed && seen && wrote.data.left.length + wrote.data.owed.length === 0) ||
    incident.asked !== undefined,

  'transient: seen healthy, and nothing changed': ({ incident, seen }, { wrote }) =>
    wrote?.type !== 'finished' || wrote.data.outcome !== 'transient' || (!incident.changed && seen),

  'it can be shown': (_, { to: { incident } }) => {
    const { state, outcome } = view(incident);
    return (state === 'finished') === (outcome !== undefined);
  },

  'after the end nothing is written': ({ incident }, { wrote }) =>
    wrote === undefined || incident.finished === undefined,
};

/** The name of the first that does not hold. */
export function broken(before: State, follows: Follows): string | undefined {
  return Object.keys(INVARIANTS).find((name) => !INVARIANTS[name]?.(before, follows));
}

const changes = (event: IncidentEvent | undefined) => event?.type === 'stepStarted' && event.data.intent !== undefined;

function waitsForFailed({ undo }: Incident, id: string | undefined): boolean {
  return undo.some((other) => other.id === id && other.state === 'failed');
}

/** It is over, nobody works on it any more, and nothing is on its way. */
function isQuiet({ incident, workers, world }: State): boolean {
  return incident.finished !== undefined && world.flying.length === 0 && workers.every(({ at }) => at === 'rest');
}

/** What somebody else had set is nobody's debt. */
function isReported({ incident, found }: State, setting: 'activation' | 'imap-protocol-log', on: boolean): boolean {
  return (
    !on ||
    found[setting] ||
    incident.undo.some((debt) => debt.setting === setting && (isOutstanding(debt) || debt.state === 'settled'))
  );
}
