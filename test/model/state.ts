/** One state of everything: the journal's fold, the organisation, and what two workers are doing. */
import type { IncidentEvent } from '../../src/incident/event.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { Intent } from '../../src/incident/intent.ts';
import { arrive as arriveAt, type Effect, type ExchangeState, since } from '../../src/proof/exchange-state.ts';
import type { Then, What } from '../../src/proof/shell.ts';
import { type Found, incidentKey, isOver, type Seen } from '../../src/proof/state.ts';

/** A command on its way to its target; it may arrive, now or late, or never. */
export interface Flying {
  /** `step 3`, `undo 3:activation`: who asked, as in the log of the lab. */
  caller: string;
  intent: Intent;
  /** The worker that waits for its answer. */
  waits?: number;
}

/** The organisation, and the commands on their way to it. */
export interface World extends ExchangeState {
  flying: readonly Flying[];
  /** How often the command of each caller took effect. */
  effects: Readonly<Record<string, number>>;
}

export function arrive(world: World, { caller, intent }: Flying): { world: World; effect: Effect } {
  const { changes, effect } = arriveAt(world, intent);
  if (effect !== 'changed') return { world, effect };
  const effects = { ...world.effects, [caller]: (world.effects[caller] ?? 0) + 1 };
  return { world: { ...world, effects, ...changes }, effect };
}

/**
 * `others`: what was written since this worker read the journal. People and senders void no fact, a worker does; alerts
 * void no decision either, unless they cause a verification.
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
  | (InHand & { at: 'polling'; what: What; issued: boolean | undefined })
  | (InHand & { at: 'settling'; n: number });

export const REST: Worker = { at: 'rest' };

export interface State {
  incident: Incident;
  exchange: World;
  workers: readonly [Worker, Worker];
  /** The worker that took the incident last: the other one's lease has lapsed, if it had one. */
  lease: number;
  /** What was on before anything was done. */
  found: Found;
  seen: Seen;
  /** What may still go wrong: workers that die, that are overtaken; news from people and senders; cancellations. */
  left: { crashes: number; takeovers: number; news: number; cancels: number };
}

/** The same text for states that cannot be told apart by anything that `next` or the shell asks for. */
export function keyOf(state: State): string {
  const { incident, exchange, workers, lease, left, seen } = state;
  const texts = workers.map((worker) => workerKey(worker, exchange));
  // Which worker is which makes no difference.
  const swap = texts[0]! > texts[1]!;
  const both = workers.every(({ at }) => at !== 'rest');
  return JSON.stringify([
    incidentKey(incident, exchange),
    exchange.blocked,
    exchange.log,
    exchange.active,
    exchange.flying.map(({ caller, intent, waits }) => [
      caller,
      since(exchange, intent),
      exchange.effects[caller],
      waits === undefined ? -1 : swap ? 1 - waits : waits,
    ]),
    incident.steps.filter((one) => !isOver(one)).map(({ step }) => exchange.effects[`step ${step.n}`] ?? 0),
    seen.healthy,
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
