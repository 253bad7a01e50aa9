import type { Instant } from '../../incident/alert.ts';
import type { Slept } from '../../incident/event.ts';
import type { Intent } from '../../incident/intent.ts';
import { ExchangeError, NotSent } from '../../ports/exchange.ts';
import { NotCopied } from '../../ports/journal.ts';
import type { Polled } from '../../steps/step.ts';
import type { Advance, Progress } from '../advancing.ts';
import type { Engine } from '../parts.ts';

/** Organisation's milliseconds until Exchange is polled again after no answer, and until polling is given up. */
const POLL_AGAIN = 30_000;
const GIVE_UP_AFTER = 60 * 60_000;

/** Real milliseconds until the replicas are checked again before a command is sent. */
const COPIED_AGAIN = 5_000;

/**
 * How far a command got: this worker sent it, with or without an answer; `maybe`: an earlier worker may have sent it.
 */
type Sent = 'maybe' | 'unanswered' | 'answered';

/** Why a command has not ended yet. */
type Pause =
  /**
   * Its effect is not visible yet. `counts`: such polls are counted, because only a limited number may be inconclusive
   * or unhealthy.
   */
  | { state: 'polling'; counts?: 'look' | 'health' | undefined }
  /** Exchange, or a replica, did not answer: nothing is sent meanwhile. */
  | { state: 'answer' }
  /** Waiting until no earlier command can still arrive. */
  | { state: 'late' }
  /** It did not get through: send it again once no earlier one can still arrive. */
  | { state: 'resend' };

/**
 * The command of a step or an undo, recorded in the journal: sent at most once as far as anyone knows, polled until its
 * effect is visible, and declared without effect only when no lost worker's command can still arrive.
 */
export interface Command {
  /** The step; absent for an undo. */
  n?: number;
  /** Absent if nothing is sent, as by a step that only verifies. */
  intent: Intent | undefined;
  startedAt: Instant | undefined;
  /** Name of the step, for people. */
  name: string;
  /** Failed sendings so far, their maximum, and the organisation's milliseconds between them. */
  tries: number;
  sendings: number;
  sendAgain: number;
  issue(intent: Intent): Promise<void>;
  /** `issued`: this worker has just sent it and got an answer. */
  poll(issued: boolean): Promise<Polled>;
  /** It is unsent: a reason not to send it any more. `mayArrive`: a lost worker may have sent it meanwhile. */
  lapsed(): { mayArrive: boolean; end(): Promise<Progress> } | undefined;
  /** Poll again then. `counts`: record each try. */
  sleep(slept: Pick<Slept, 'until' | 'for' | 'says'>, counts: boolean): Promise<Progress>;
  /** Its effect, or the lack of one, was seen. */
  seen(poll: Exclude<Polled, { is: 'pending' | 'notIssued' }>): Promise<Progress>;
  /** Exchange refused it, so it changed nothing. */
  refused(says: string): Promise<Progress>;
  /** The kill switch was on at the last moment: nothing was sent. */
  notSent(says: string): Promise<Progress>;
  /** It did not get through in any try. */
  lost(says: string): Promise<Progress>;
  /** Its result can't be determined. */
  unseen(says: string): Promise<Progress>;
}

/** Sends the command and polls its result. `again`: an earlier worker may have sent it. */
export async function send(engine: Engine, advance: Advance, command: Command, again = false): Promise<Progress> {
  const { intent } = command;
  if (!intent) throw new Error(`${command.name} has no command to send`);
  try {
    await advance.confirm();
  } catch (error) {
    if (!(error instanceof NotCopied)) throw error;
    // A failover could lose the entry that records the sending: wait for the replicas.
    const says = `${intent.command} is not sent yet, because a failover could still lose its journal entry: ${error.message}`;
    return pause(command, { state: 'answer' }, later(engine, COPIED_AGAIN), says);
  }
  let sent: Sent = 'unanswered';
  try {
    await command.issue(intent);
    sent = 'answered';
  } catch (error) {
    const mayArrive = again && !isWaitedOut(advance, command);
    if (error instanceof NotSent) {
      if (mayArrive) return waitOut(engine, command);
      // A worker that took over may have sent it.
      advance.stillMine();
      return command.notSent(error.message);
    }
    if (!(error instanceof ExchangeError)) throw error;
    if (error.code === 'refused' || error.code === 'accessDenied' || error.code === 'notFound') {
      if (mayArrive) return waitOut(engine, command);
      advance.stillMine();
      return command.refused(`${intent.command} on ${intent.server} was refused: ${error.message}`);
    }
    // It may have taken effect or not: polling shows.
    engine.log.warn(`${intent.command} on ${intent.server}: ${error.code}`, {
      incident: advance.cursor.incident.id,
      detail: error.message,
    });
  }
  return poll(engine, advance, command, sent);
}

/** Polls the result of the command. */
export async function poll(engine: Engine, advance: Advance, command: Command, sent: Sent): Promise<Progress> {
  let seen: Polled;
  try {
    seen = await command.poll(sent === 'answered');
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return unseen(engine, command, error);
  }
  advance.signal.throwIfAborted();
  if (seen.is === 'pending') {
    const { until, says, counts } = seen;
    return pause(command, { state: 'polling', counts }, until, says);
  }
  if (seen.is !== 'notIssued') return command.seen(seen);

  const lapsed = command.lapsed();
  if (lapsed && (sent === 'maybe' || lapsed.mayArrive)) {
    if (lapsed.mayArrive && !isWaitedOut(advance, command)) return waitOut(engine, command);
    return lapsed.end();
  }
  const { intent, tries, sendings } = command;
  const outOf = (times: number) => `${intent?.command} did not reach ${intent?.server} (${times} of ${sendings})`;
  if (sent === 'maybe' && tries >= sendings) {
    return isWaitedOut(advance, command) ? command.lost(outOf(tries)) : waitOut(engine, command);
  }
  if (sent === 'maybe') return send(engine, advance, command, true);
  const until = Math.max(engine.clock.now() + command.sendAgain, later(engine, engine.settings.notAfter));
  return pause(command, { state: 'resend' }, until, outOf(tries + 1));
}

/** Exchange did not answer: wait and never send again; after an hour escalate to a person. */
function unseen(engine: Engine, command: Command, error: ExchangeError): Promise<Progress> {
  const now = engine.clock.now();
  const says = `could not be polled (${error.code}): ${error.message}`;
  if (now - (command.startedAt ?? now) > GIVE_UP_AFTER) {
    return command.unseen(`The result of ${command.intent?.command ?? command.name} ${says}`);
  }
  return pause(command, { state: 'answer' }, now + POLL_AGAIN, says);
}

/** Waits before a command is declared without effect, until the target refuses any that arrives late. */
function waitOut(engine: Engine, command: Command): Promise<Progress> {
  const says = 'waiting until no earlier command can still arrive';
  return pause(command, { state: 'late' }, later(engine, engine.settings.notAfter), says);
}

/** Records the sleep in the journal; an uncounted poll uses the name of the step. */
function pause(command: Command, pause: Pause, until: Instant, says: string): Promise<Progress> {
  switch (pause.state) {
    case 'polling':
      return command.sleep({ until, for: pause.counts ?? command.name, says }, pause.counts !== undefined);
    case 'resend':
      return command.sleep({ until, for: 'health', says }, true);
    default:
      return command.sleep({ until, for: pause.state, says }, false);
  }
}

/** Whether it has slept until anything sent before is refused: `late`, or `resend`. */
function isWaitedOut({ cursor }: Advance, { n }: Command): boolean {
  const { slept } = cursor.incident;
  return slept !== undefined && slept.n === n && (slept.for === 'late' || slept.for === 'health');
}

/** Now plus `ms` real milliseconds, on the organisation's clock. */
const later = ({ clock }: Engine, ms: number) => clock.now() + ms * clock.speed;
