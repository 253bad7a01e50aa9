/** All that may follow a state, one small step each: of a worker, of a person, of the organisation, or a crash. */
import type { EventType, IncidentEvent } from '../../src/incident/event.ts';
import { type Incident, stepInProgress, stepRecord } from '../../src/incident/incident.ts';
import { next } from '../../src/incident/next.ts';
import type { Effect } from '../../src/proof/exchange-state.ts';
import type { Follows as AnyFollows } from '../../src/proof/explore.ts';
import {
  answered,
  begin,
  type Move,
  notSent,
  pollStep,
  pollUndo,
  type Shell,
  settleNext,
  type Then,
  TIMES,
  type What,
} from '../../src/proof/shell.ts';
import { applied, seenAfter } from '../../src/proof/state.ts';
import { arrive, type Flying, type InHand, REST, type State, type Worker, type World } from './state.ts';

export interface Follows extends AnyFollows<State> {
  /** The entry that was written to the journal. */
  wrote?: IncidentEvent;
  /** The command that reached its target. */
  arrived?: Flying & { effect: Effect };
  /** What a worker sent, and what it knew then. */
  sent?: { what: What; knows: Incident };
}

/** As in src/engine/journal-cursor.ts. */
const STRENGTH: readonly InHand['others'][] = ['nothing', 'alerts', 'people', 'worker'];
const FROM_OUTSIDE: ReadonlySet<EventType> = new Set(['attached', 'approved', 'rejected', 'cancelled']);

export function follow(shell: Shell, state: State): Follows[] {
  return [
    ...state.workers.flatMap((worker, index) => byWorker(shell, state, worker, index)),
    ...byPeople(state),
    ...byOrganisation(state),
  ];
}

function byWorker(shell: Shell, state: State, worker: Worker, index: number): Follows[] {
  const { incident, exchange, left } = state;
  const moved = (says: string, to: Worker, more: Partial<State> = {}, waits = false): Follows => ({
    says: [`worker ${index} ${says}`],
    to: { ...state, ...more, workers: put(state.workers, index, to) },
    waits,
  });
  const go = (moves: Move[], inHand: InHand, more: Partial<State> = {}) =>
    moves.flatMap((move): Follows[] => {
      if ('writes' in move && move.writes) {
        const { writes: event, how, then, waits } = move;
        if (inHand.others === 'nothing' && isAlone(state, index)) {
          const wrote = written({ ...state, ...more }, event, index, then);
          return [{ ...wrote, waits: waits ?? false }];
        }
        return [moved(`has decided: ${describe(event)}`, { ...inHand, at: 'writing', event, how, then }, more, waits)];
      }
      if (!('goes' in move) || !move.goes) return [];
      const goes: Worker = { ...move.goes, ...inHand };
      return [moved(`goes on to ${goes.at}`, goes, more, move.waits)];
    });

  if (worker.at === 'rest') {
    if (incident.finished) return [];
    const other = state.workers[1 - index]!;
    const overtakes = other.at !== 'rest' && state.lease !== index;
    if (overtakes && left.takeovers === 0) return [];
    const woken = { ...state, exchange: waitedOut(shell, incident, exchange) };
    return go(
      begin(shell, woken),
      { knows: incident, others: 'nothing' },
      {
        lease: index,
        exchange: woken.exchange,
        ...(overtakes && { left: { ...left, takeovers: left.takeovers - 1 } }),
      },
    );
  }

  const dies: Follows[] =
    left.crashes > 0 && worker.at !== 'writing'
      ? [
          moved(`dies in ${worker.at}`, REST, {
            left: { ...left, crashes: left.crashes - 1 },
            exchange: unheard(exchange, index),
          }),
        ]
      : [];
  const { knows, others } = worker;
  const inHand = { knows, others };
  switch (worker.at) {
    case 'writing': {
      const isDecision = worker.how === 'decide';
      const looks = (isDecision && others === 'alerts' ? TIMES : []).map(
        (now) => next(incident, now, shell.settings).do === 'verify',
      );
      const isStale = others === 'worker' || (others === 'people' && isDecision);
      // That nothing had an effect is said by whoever still has the lease: another may have sent it meanwhile.
      const { event } = worker;
      const saysNothingHappened =
        event.type === 'stepFinished' && (event.data.state === 'notSent' || worker.then.at === 'settling');
      if (saysNothingHappened && state.lease !== index) return [moved('has lost its lease and lets go', REST)];
      const stale = moved('is refused as stale', REST);
      if (isStale || (looks.length > 0 && looks.every((look) => look))) return [stale];
      return [written(state, event, index, worker.then), ...(looks.includes(true) ? [stale] : [])];
    }
    case 'sending': {
      // `confirm` asks the store, right before: a lease that is lost, or any word since but an alert, stops it.
      if (state.lease !== index || others === 'people' || others === 'worker')
        return [moved('is not confirmed and lets go', REST)];
      const { what } = worker;
      const onHead: InHand = { knows: others === 'alerts' ? incident : knows, others: 'nothing' };
      const flying: Flying = { caller: callerOf(what), intent: intentOf(knows, what), waits: index };
      const sent = moved(
        `sends ${flying.caller}`,
        { ...onHead, at: 'sent', what, ...(worker.again && { again: true }) },
        { exchange: { ...exchange, flying: [...stillThere(exchange.flying), flying] } },
      );
      const held = notSent(what, onHead.knows, worker.again === true);
      const stops = 'writes' in held ? go([held], onHead) : [moved('waits for the kill switch', REST, {}, true)];
      return [{ ...sent, sent: { what, knows: onHead.knows } }, ...stops, ...dies];
    }
    case 'sent':
      return [
        moved(
          'gets no answer',
          { ...inHand, at: 'polling', what: worker.what, issued: false },
          { exchange: unheard(exchange, index) },
        ),
        ...dies,
      ];
    case 'polling': {
      const { what, issued } = worker;
      const moves =
        'n' in what
          ? pollStep(shell, exchange, knows, what.n, issued)
          : pollUndo(shell, exchange, knows, what.undo, issued);
      const sleeps = moves.some((move) => !('writes' in move) && !('goes' in move))
        ? [moved('polls again later', REST, {}, true)]
        : [];
      return [...go(moves, inHand), ...sleeps, ...dies];
    }
    case 'settling': {
      const settles = settleNext(knows, worker.n);
      return settles ? [...go([settles], inHand), ...dies] : [moved('is done with it', REST)];
    }
  }
}

/** The far side refuses what is older than a while: of those that nobody waits for, only the last may still arrive. */
function stillThere(flying: World['flying']): World['flying'] {
  const last = flying.filter(({ waits }) => waits === undefined).at(-1);
  return flying.filter((one) => one.waits !== undefined || one === last);
}

/** Nobody can come between a decision and its writing: they are one. */
function isAlone({ workers, exchange, left, incident }: State, index: number): boolean {
  const other = workers[1 - index]?.at;
  return (
    other === 'rest' &&
    exchange.flying.length === 0 &&
    left.takeovers + left.news + left.cancels === 0 &&
    !incident.held?.approval
  );
}

/** What was on its way is too late by now, and the far side refuses it: these waits are as long as that. */
function waitedOut({ settings }: Shell, incident: Incident, exchange: World): World {
  const { slept, steps } = incident;
  const gone = new Set<string>();
  if (slept?.n !== undefined) {
    const step = steps.find((record) => record.step.n === slept.n);
    const long = slept.for === 'late' || (slept.for === 'health' && step?.step.changes === true);
    if (long) gone.add(callerOf({ n: slept.n }));
  }
  // Assumed: nothing of a step is on its way any more when it is put back. Only `notAfter` sees to that.
  const decision = next(incident, 1, settings);
  if (decision.do === 'undo') gone.add(`step ${decision.undo.split(':')[0]}`);
  return { ...exchange, flying: exchange.flying.filter(({ caller }) => !gone.has(caller)) };
}

/** Nobody waits for its answer any more; it is on its way all the same. */
function unheard(exchange: World, index: number): World {
  const flying = exchange.flying.map(({ waits, ...one }) =>
    waits === undefined || waits === index ? one : { ...one, waits },
  );
  return { ...exchange, flying };
}

function byPeople(state: State): Follows[] {
  return fromOutside(state).map(({ event, uses }) => {
    const followed = written(state, event);
    const left = uses ? { ...state.left, [uses]: state.left[uses] - 1 } : state.left;
    return { ...followed, to: { ...followed.to, left } };
  });
}

function byOrganisation(state: State): Follows[] {
  const { exchange, incident } = state;
  const follows: Follows[] = exchange.flying.flatMap((flying, at) => {
    const rest = { ...exchange, flying: exchange.flying.filter((_, other) => other !== at) };
    const { world: after, effect } = arrive(rest, flying);
    const arrived = { ...flying, effect };
    const heard = (
      says: string,
      answer: 'done' | 'refused' | 'lost',
      changed: World,
      more: Partial<Follows> = {},
    ): Follows => ({
      says: [`${flying.caller} ${says}`],
      to: { ...state, exchange: changed, workers: hear(state, flying, answer) },
      waits: false,
      ...more,
    });
    const never = heard('never arrives', 'lost', rest);
    if (flying.waits === undefined) return [heard(`arrives: ${effect}`, 'lost', after, { arrived }), never];
    const answer = effect === 'refused' ? 'refused' : 'done';
    return [
      heard(`arrives: ${effect}`, answer, after, { arrived }),
      heard(`arrives: ${effect}, and its answer is lost`, 'lost', after, { arrived }),
      heard('is refused', 'refused', rest),
      never,
    ];
  });
  if (exchange.active && exchange.blocked)
    follows.push({
      says: ['the databases move away'],
      to: { ...state, exchange: { ...exchange, active: false } },
      waits: false,
    });
  // Once activation is allowed, databases come back by themselves; not between the last look at them and the reboot.
  const reboots = stepInProgress(incident)?.step.step === 'restart-server';
  const mayCome =
    !exchange.active &&
    !exchange.blocked &&
    incident.facts?.roles.includes('mailbox') &&
    !reboots &&
    !incident.finished;
  if (mayCome)
    follows.push({
      says: ['databases come back'],
      to: { ...state, exchange: { ...exchange, active: true } },
      waits: true,
    });
  return follows;
}

function hear(state: State, { waits }: Flying, answer: 'done' | 'refused' | 'lost'): State['workers'] {
  const worker = waits === undefined ? undefined : state.workers[waits];
  if (waits === undefined || worker?.at !== 'sent') return state.workers;
  const { knows, others, what } = worker;
  const move = answered(what, answer, knows, worker.again === true);
  if (move.goes) return put(state.workers, waits, { ...move.goes, knows, others });
  if (!('writes' in move) || !move.writes) throw new Error('an answer leads nowhere');
  const { writes: event, how, then } = move;
  return put(state.workers, waits, { at: 'writing', event, how, then, knows, others });
}

/** Appended behind whatever was written before; all others have older news now. */
function written(state: State, event: IncidentEvent, by?: number, then: Then = { at: 'rest' }): Follows {
  const incident = applied(state.incident, event);
  const others = event.type === 'attached' ? 'alerts' : FROM_OUTSIDE.has(event.type) ? 'people' : 'worker';
  const workers = state.workers.map((worker, index): Worker => {
    if (index === by) {
      if (then.at === 'rest') return REST;
      const inHand: InHand = { knows: incident, others: 'nothing' };
      return then.at === 'polling' ? { ...inHand, ...then, issued: undefined } : { ...inHand, ...then };
    }
    if (worker.at === 'rest' || STRENGTH.indexOf(worker.others) > STRENGTH.indexOf(others)) return worker;
    return { ...worker, others };
  });
  return {
    says: [by === undefined ? describe(event) : `worker ${by} writes ${describe(event)}`],
    to: {
      ...state,
      incident,
      workers: workers as unknown as State['workers'],
      seen: seenAfter(state.seen, event, incident),
    },
    waits: false,
    wrote: event,
  };
}

const callerOf = (what: What) => ('n' in what ? `step ${what.n}` : `undo ${what.undo}`);

function intentOf(knows: Incident, what: What) {
  const intent = 'n' in what ? stepRecord(knows, what.n).intent : knows.undo.find(({ id }) => id === what.undo)?.intent;
  if (!intent) throw new Error(`${callerOf(what)} has no command`);
  return intent;
}

function put(workers: State['workers'], index: number, worker: Worker): State['workers'] {
  return index === 0 ? [worker, workers[1]] : [workers[0], worker];
}

function describe({ type, data }: IncidentEvent): string {
  const { n, undo, state, verdict, guard, health } = data as Record<string, unknown>;
  const why = 'for' in data ? data.for : undefined;
  return [type, n, typeof undo === 'string' ? undo : undefined, state, verdict, guard, why, health]
    .filter((word) => word !== undefined)
    .join(' ');
}

/** What people and senders may say at any time. `uses`: what it takes from what is left. */
function fromOutside({ incident, left }: State): { event: IncidentEvent; uses?: 'news' | 'cancels' }[] {
  if (incident.finished) return [];
  const yuki = { by: 'yuki' };
  return [
    ...(left.news > 0
      ? [{ event: { type: 'attached', data: { alerts: [RESOLVED] } } as IncidentEvent, uses: 'news' as const }]
      : []),
    ...(left.cancels > 0 && !incident.conclusion
      ? [{ event: { type: 'cancelled', data: yuki } as IncidentEvent, uses: 'cancels' as const }]
      : []),
    ...(incident.held?.approval
      ? [
          { event: { type: 'approved', data: yuki } as IncidentEvent },
          { event: { type: 'rejected', data: yuki } as IncidentEvent },
        ]
      : []),
  ];
}

const RESOLVED = {
  id: 'more',
  source: 'scom',
  senderId: '1',
  status: 'resolved' as const,
  server: 'mbx1',
  serverAsSent: 'mbx1',
  raisedAt: 0,
  receivedAt: 0,
};
