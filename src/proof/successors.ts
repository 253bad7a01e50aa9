/**
 * All that may follow a state, one entry of the journal or one command at a time. A command arrives or not, is answered or
 * not, and its worker may die before or after it; two workers at once are searched by the model of the test suite.
 */
import type { IncidentEvent } from '../incident/event.ts';
import { stepInProgress, stepRecord } from '../incident/incident.ts';
import type { Intent } from '../incident/intent.ts';
import { arrive } from './exchange-state.ts';
import type { Cost, Follows } from './explore.ts';
import type { Occurred } from './invariants.ts';
import type { Narrator } from './narrator.ts';
import { answered, begin, type Move, notSent, pollStep, pollUndo, type Shell, settleNext, type What } from './shell.ts';
import { applied, type State, seenAfter } from './state.ts';

export interface Part extends Occurred {
  before: State;
  after: State;
}

export interface Step extends Follows<State> {
  parts: Part[];
}

export function successors(shell: Shell, narrator: Narrator, state: State): Step[] {
  if (state.incident.finished) return [];
  const start: Path = { state, parts: [], says: [], cost: undefined };
  const ways = begin(shell, state).flatMap((move) => go(shell, narrator, start, move));
  return [...ways, ...byPeople(narrator, start), ...byDatabases(start)].map(
    ({ state: to, parts, says, cost, waits }) => ({
      to,
      parts,
      says,
      waits: waits ?? false,
      ...(cost && { cost }),
    }),
  );
}

interface Path {
  state: State;
  parts: Part[];
  says: string[];
  cost: Cost | undefined;
  waits?: boolean;
}

function go(shell: Shell, narrator: Narrator, path: Path, move: Move): Path[] {
  if (move.writes) {
    if (move.waits && onlyWaits(move.writes)) return [];
    const written = { ...write(narrator, path, move.writes), ...(move.waits && { waits: true }) };
    const { then } = move;
    if (then.at === 'sending') return send(shell, narrator, written, then.what, false);
    // What is polled next is the same for a worker that goes on and for one that comes later.
    if (then.at === 'rest' || then.at === 'polling') return [written];
    const settles = settleNext(written.state.incident, then.n);
    return settles ? go(shell, narrator, written, settles) : [written];
  }
  if (!move.goes) return [];
  const { what } = move.goes;
  return move.goes.at === 'sending'
    ? send(shell, narrator, path, what, move.goes.again === true)
    : poll(shell, narrator, path, what, move.goes.issued);
}

/** A wait that nothing is decided by: the state is the same when it is over. */
function onlyWaits(event: IncidentEvent): boolean {
  return (event.type === 'held' && !event.data.approval) || (event.type === 'slept' && event.data.for !== 'late');
}

function send(shell: Shell, narrator: Narrator, path: Path, what: What, again: boolean): Path[] {
  const { state } = path;
  const knows = state.incident;
  const intent = intentOf(state, what);
  const { changes, effect } = arrive(state.exchange, intent);
  const after: State = { ...state, exchange: { ...state.exchange, ...changes } };
  const sent = { what, knows };
  const via = (how: string, to: State, occurred: Occurred): Path => ({
    ...path,
    cost: occurred.sent ? sum(path.cost, narrator.costOfSending(state, what, occurred.arrived)) : path.cost,
    state: to,
    parts: [...path.parts, { before: state, after: to, ...occurred }],
    says: [...path.says, narrator.command(state, what, how)],
  });
  const arrived = { sent, arrived: { intent, effect } };
  const done = effect === 'refused' ? 'refused' : 'done';
  return [
    // The daemon stops before it is sent, and starts again.
    path,
    ...go(shell, narrator, via('it is carried out', after, arrived), answered(what, done, knows, again)),
    ...go(
      shell,
      narrator,
      via('it is carried out, but the answer is lost', after, arrived),
      answered(what, 'lost', knows, again),
    ),
    ...go(shell, narrator, via('it is refused', state, { sent }), answered(what, 'refused', knows, again)),
    ...go(shell, narrator, via('it never arrives', state, { sent }), answered(what, 'lost', knows, again)),
    ...go(shell, narrator, via('the kill switch stops it', state, {}), notSent(what, knows, again)),
  ];
}

function poll(shell: Shell, narrator: Narrator, path: Path, what: What, issued: boolean | undefined): Path[] {
  const { incident, exchange } = path.state;
  const moves =
    'n' in what
      ? pollStep(shell, exchange, incident, what.n, issued)
      : pollUndo(shell, exchange, incident, what.undo, issued);
  // Nothing is known yet; it is polled again later, after a crash too.
  return [path, ...moves.flatMap((move) => go(shell, narrator, path, move))];
}

function byPeople(narrator: Narrator, path: Path): Path[] {
  const { incident, mayCancel } = path.state;
  const person = { by: 'a person' };
  const cancels = mayCancel && !incident.conclusion ? [write(narrator, path, { type: 'cancelled', data: person })] : [];
  const answers = incident.held?.approval
    ? [
        write(narrator, path, { type: 'approved', data: person }),
        write(narrator, path, { type: 'rejected', data: person }),
      ]
    : [];
  return [...cancels.map((one) => ({ ...one, state: { ...one.state, mayCancel: false } })), ...answers];
}

/**
 * Databases may move to other servers at any time, and come back to a server that is not blocked, except during its
 * reboot. Only a block followed by a check proves that none is active.
 */
function byDatabases(path: Path): Path[] {
  const { incident, exchange } = path.state;
  const moved = (says: string, active: boolean): Path => {
    const after = { ...path.state, exchange: { ...exchange, active } };
    return { ...path, state: after, says: [says], parts: [{ before: path.state, after }], waits: !exchange.blocked };
  };
  if (exchange.active) return [moved('The databases move away', false)];
  const reboots = stepInProgress(incident)?.intent?.command === 'Restart-Computer';
  const mayCome = !exchange.blocked && incident.facts?.roles.includes('mailbox') && !reboots;
  return mayCome ? [moved('Databases come back', true)] : [];
}

function write(narrator: Narrator, path: Path, event: IncidentEvent): Path {
  const before = path.state;
  const incident = applied(before.incident, event);
  const after: State = { ...before, incident, seen: seenAfter(before.seen, event, incident) };
  return {
    ...path,
    state: after,
    parts: [...path.parts, { before, after, wrote: event }],
    says: [...path.says, narrator.event(event, before)],
    cost: sum(path.cost, narrator.costOf(event, before)),
  };
}

function sum(a: Cost | undefined, b: Cost | undefined): Cost | undefined {
  if (!a || !b) return a ?? b;
  return {
    time: a.time + b.time,
    serviceRestarts: a.serviceRestarts + b.serviceRestarts,
    serverRestarts: a.serverRestarts + b.serverRestarts,
  };
}

function intentOf({ incident }: State, what: What): Intent {
  const intent =
    'n' in what ? stepRecord(incident, what.n).intent : incident.undo.find(({ id }) => id === what.undo)?.intent;
  if (!intent) throw new Error('a command without an intent');
  return intent;
}
