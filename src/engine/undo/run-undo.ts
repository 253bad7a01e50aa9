import { answerOf } from '../../guards/shared-state.ts';
import { ourStart } from '../../guards/throttle.ts';
import type { Undone } from '../../incident/event.ts';
import { groupOf } from '../../incident/health.ts';
import { currentRun, type Incident } from '../../incident/incident.ts';
import type { UndoState } from '../../incident/undo.ts';
import { ExchangeError } from '../../ports/exchange.ts';
import { undoOfKind } from '../../steps/index.ts';
import type { Undo, UndoContext } from '../../steps/step.ts';
import { type Advance, askAgain, type Progress, sleep } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { changeOf, scopeOf } from '../step/change.ts';
import { type Command, poll, send } from '../step/command.ts';
import { tookBy } from '../step/took.ts';

/** Organisation's milliseconds between two tries of an undo, and their number. */
const TRY_AGAIN = 60_000;
const TRIES = 5;

/**
 * Runs one undo action: recorded before and after like a step, never throttled, but stopped by the kill switch. A
 * failure is reported as outstanding.
 */
export async function putBack(engine: Engine, advance: Advance, id: string): Promise<Progress> {
  const action = undoActionOf(advance, id);
  if (action.state === 'started') return poll(engine, advance, commandOf(engine, advance, id), 'maybe');
  let begun: Awaited<ReturnType<Undo['begin']>>;
  try {
    begun = await undoOfKind(action.kind).begin(contextOf(engine, advance, id));
  } catch (error) {
    if (error instanceof ExchangeError) return tryAgain(engine, advance, id, `${error.code}: ${error.message}`);
    throw error;
  }
  if (begun.begin === 'notNeeded') return end(advance, id, 'notNeeded', begun.says);
  const held = await start(engine, advance, action, begun.intent);
  return held ?? send(engine, advance, commandOf(engine, advance, id));
}

/** A person has done it by hand. */
export function settle(advance: Advance, id: string, says: string): Promise<Progress> {
  return end(advance, id, 'settled', says);
}

async function start(engine: Engine, { cursor }: Advance, action: UndoState, intent: NonNullable<UndoState['intent']>) {
  const { incident } = cursor;
  const organisation = incident.facts?.organisation ?? '';
  const kill = scopeOf(currentRun(incident)?.playbook, [incident.server, action.server], [ownGroup(incident)]);
  // Undo is never throttled; but a service that it restarts counts as our start.
  const service = undoOfKind(action.kind).starts?.(action);
  const throttles = service === undefined ? [] : [ourStart(action.server, service, engine.clock.now())];
  const started = await cursor.decide(
    { type: 'undoStarted', data: { undo: action.id, intent, took: tookBy({ organisation, throttles }) } },
    { conditions: { kill, throttles } },
  );
  if (started.ok) return undefined;
  if (!('refused' in started)) throw new Error(`undo ${action.id} of ${incident.id} could not start`);
  const { guard, answer } = answerOf(started.refused);
  if ('owner' in started.refused) engine.waiters.add(started.refused.owner, incident.id);
  if (answer.answer !== 'wait') throw new Error(`the undo of ${incident.id} was refused by ${guard}`);
  if (incident.held?.guard !== guard || incident.held.says !== answer.says) {
    await cursor.decide({ type: 'held', data: { guard, reason: answer.reason, says: answer.says } });
  }
  return askAgain(engine, cursor.incident);
}

/** The command of an undo. Unlike a step it has no guards, and it runs in a cancelled incident too. */
function commandOf(engine: Engine, advance: Advance, id: string): Command {
  const action = undoActionOf(advance, id);
  const undo = undoOfKind(action.kind);
  const failed = (says: string) => end(advance, id, 'failed', says);
  const notPutBack = (why: string) => failed(`${action.says}, and it could not be put back (${why})`);
  return {
    intent: action.intent,
    startedAt: action.at,
    name: 'undo',
    tries: action.tries,
    sendings: TRIES + 1,
    sendAgain: TRY_AGAIN,
    issue: (intent) => undo.issue(contextOf(engine, advance, id), intent),
    async poll(issued) {
      if (!action.intent) throw new Error(`undo ${id} was started without a command`);
      return undo.poll(contextOf(engine, advance, id), action.intent, issued);
    },
    lapsed: () => undefined,
    sleep: (slept, counts) => sleep(advance, { ...slept, ...(counts && { undo: id }) }, counts),
    seen: ({ is, says }) => (is === 'done' ? end(advance, id, 'putBack', says) : failed(says)),
    refused: failed,
    notSent: (why) => waitForSwitch(engine, advance, id, why),
    lost: notPutBack,
    unseen: notPutBack,
  };
}

/** The kill switch came on between start and sending: the undo stays started, and is tried again. */
async function waitForSwitch(engine: Engine, { cursor }: Advance, id: string, why: string): Promise<Progress> {
  const { held } = cursor.incident;
  const says = `${id}: ${why}`;
  if (held?.says !== says) {
    await cursor.record({ type: 'held', data: { guard: 'kill-switch', reason: 'kill-switch', says } });
  }
  return askAgain(engine, cursor.incident);
}

async function tryAgain(engine: Engine, advance: Advance, id: string, why: string): Promise<Progress> {
  const action = undoActionOf(advance, id);
  if (action.tries >= TRIES) return end(advance, id, 'failed', `${action.says}, and it could not be put back (${why})`);
  return sleep(advance, { until: engine.clock.now() + TRY_AGAIN, for: 'undo', says: why, undo: id }, true);
}

async function end({ cursor }: Advance, id: string, state: Undone['state'], says: string): Promise<Progress> {
  await cursor.record({ type: 'undone', data: { undo: id, state, says } });
  return 'on';
}

/** An undo is always on the incident's own server. */
function ownGroup({ facts }: Incident): string | undefined {
  return facts && groupOf(facts);
}

function undoActionOf({ cursor }: Advance, id: string): UndoState {
  const action = cursor.incident.undo.find((undo) => undo.id === id);
  if (!action) throw new Error(`incident ${cursor.incident.id} has no undo action ${id}`);
  return action;
}

function contextOf(engine: Engine, advance: Advance, id: string): UndoContext {
  const action = undoActionOf(advance, id);
  return {
    incident: advance.cursor.incident,
    undo: action,
    exchange: engine.exchange,
    clock: engine.clock,
    settings: engine.settings,
    change: () => changeOf(engine, advance, `undo ${id}`, action.server, ownGroup(advance.cursor.incident)),
    signal: advance.signal,
  };
}
