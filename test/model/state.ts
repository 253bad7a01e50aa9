/** One state of everything: the journal's fold, the organisation, and what two workers have in hand. */
import type { IncidentEvent } from '../../src/incident/event.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { since, type World } from './world.ts';

/** What a worker does with a started step or undo. */
export type What = { n: number } | { undo: string };

/** Where a worker goes on after a write: to the next decision, to sending, to looking, or to another write. */
export type Then =
  | { at: 'rest' }
  | { at: 'sending'; what: What }
  | { at: 'looking'; what: What }
  | { at: 'settling'; n: number };

/**
 * `others`: what was written since this worker read the journal. People and senders void no fact, a worker does; alerts
 * void no decision either, unless they make us look.
 */
export interface InHand {
  knows: Incident;
  others: 'nothing' | 'alerts' | 'people' | 'worker';
}

export type Worker =
  | { at: 'rest' }
  | (InHand & { at: 'writing'; event: IncidentEvent; how: 'decide' | 'record'; then: Then })
  /** `again`: somebody may have sent it before. */
  | (InHand & { at: 'sending'; what: What; again?: true })
  | (InHand & { at: 'sent'; what: What; again?: true })
  | (InHand & { at: 'looking'; what: What; issued: boolean | undefined })
  | (InHand & { at: 'settling'; n: number });

export const REST: Worker = { at: 'rest' };

export interface State {
  incident: Incident;
  world: World;
  workers: readonly [Worker, Worker];
  /** The worker that took the incident last: the other one's lease has lapsed, if it had one. */
  lease: number;
  /** What was on before anything was done. */
  found: Readonly<Record<'activation' | 'imap-protocol-log', boolean>>;
  /** Health was seen after our last change. */
  seen: boolean;
  /** What may still go wrong: so many workers die, freeze and are overtaken; so many words of people and senders. */
  left: { crashes: number; takeovers: number; news: number; cancels: number };
}

const OVER = new Set(['done', 'skipped', 'failed', 'refused']);

/** The same text for states that can't be told apart by anything that `next` or the shell asks for. */
export function keyOf(state: State): string {
  const { incident, world, workers, lease, left } = state;
  const texts = workers.map((worker) => workerKey(worker, world));
  // Which worker is which makes no difference.
  const swap = texts[0]! > texts[1]!;
  const both = workers.every(({ at }) => at !== 'rest');
  return JSON.stringify([
    incidentKey(incident, world),
    world.blocked,
    world.log,
    world.active,
    world.flying.map(({ caller, intent, waits }) => [
      caller,
      since(world, intent),
      world.effects[caller],
      waits === undefined ? -1 : swap ? 1 - waits : waits,
    ]),
    incident.steps.filter((one) => !OVER.has(one.state)).map(({ step }) => world.effects[`step ${step.n}`] ?? 0),
    state.seen,
    swap ? [texts[1], texts[0]] : texts,
    both ? (swap ? 1 - lease : lease) : 0,
    [left.crashes, left.takeovers, left.news, left.cancels],
  ]);
}

function workerKey(worker: Worker, world: World): string {
  if (worker.at === 'rest') return '';
  const { knows, others, ...rest } = worker;
  const own = others === 'nothing' ? '' : incidentKey(knows, world);
  if (rest.at === 'writing')
    return JSON.stringify([rest.at, eventKey(rest.event, world), rest.how, rest.then, others, own]);
  return JSON.stringify([rest, others, own]);
}

/** What of an event its folding keeps; the texts are left out. */
function eventKey({ type, data }: IncidentEvent, world: World): unknown {
  if (type === 'stepStarted') return [type, data.n, data.intent && since(world, data.intent)];
  if (type === 'undoStarted') return [type, data.undo, since(world, data.intent)];
  if (type === 'matched') return [type, data.playbook?.name];
  return JSON.stringify([type, data], (key, value) => (TEXTS.has(key) ? undefined : value));
}

const TEXTS = new Set(['says', 'reason', 'evidence', 'facts', 'until', 'startedAt', 'note', 'result']);

function incidentKey(incident: Incident, world: World): unknown {
  const { verified: looked, runs, steps, held, slept, undo, afterUndo, conclusion, finished } = incident;
  if (finished) return [finished.outcome, undo.map(({ id, state }) => [id, state])];
  const run = runs.at(-1);
  // What was seen is asked for when a playbook is chosen; why it was looked, when nothing was seen or all is well.
  const chooses = !conclusion && (!run || run.healed);
  const isPlain = looked?.verdict === 'confirmed' && run?.healed === false;
  return [
    looked && [
      looked.verdict,
      isPlain ? 0 : looked.purpose,
      looked.hopeless,
      chooses ? looked.monitors.map((one) => `${one.monitor}${one.verdict}`) : 0,
    ],
    incident.inconclusiveTries,
    incident.verifyFirst,
    incident.verifiedForNews !== undefined,
    incident.backEnd,
    runs.map(({ playbook, healed }) => [playbook, healed]),
    steps.map((record) => {
      if (OVER.has(record.state)) return 0;
      const { state, inconclusiveTries, unhealthyTries, child, intent } = record;
      return [state, inconclusiveTries, unhealthyTries, child, state === 'started' && intent && since(world, intent)];
    }),
    held && [held.guard, held.n, held.approval],
    slept && [slept.for, slept.n, slept.undo],
    incident.approvals.length,
    undo.map(({ id, state, tries, intent }) => [
      id,
      state,
      state === 'owed' || state === 'started' ? tries : 0,
      state === 'started' && intent && since(world, intent),
    ]),
    afterUndo?.look,
    incident.changed,
    conclusion && [conclusion.outcome, conclusion.exhausted],
  ];
}
