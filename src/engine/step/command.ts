import type { Instant } from '../../incident/alert.ts';
import type { Intent } from '../../incident/intent.ts';
import { ExchangeError, NotSent } from '../../ports/exchange.ts';
import { NotCopied } from '../../ports/journal.ts';
import type { Polled } from '../../steps/step.ts';
import { type Advance, COPIED_AGAIN, type Went } from '../advancing.ts';
import type { Engine } from '../parts.ts';

/** Organisation's milliseconds until a world that did not answer is polled again, and until it is given up. */
const POLL_AGAIN = 30_000;
const GIVE_UP_AFTER = 60 * 60_000;

/**
 * What a step or an undo has noted in the journal and brings to its end: sent at most once as far as anyone knows, polled
 * until its effect is seen, and said to have had no effect only when no lost worker's command can still arrive.
 */
export interface Command {
  /** The step; absent for an undo. */
  n?: number;
  /** Absent where nothing is sent, as by a step that only looks. */
  intent: Intent | undefined;
  startedAt: Instant | undefined;
  /** For people, where there is no command: what is polled. */
  name: string;
  /** Sendings that did not get through so far; how many there are, and the organisation's milliseconds between them. */
  tries: number;
  sendings: number;
  sendAgain: number;
  issue(intent: Intent): Promise<void>;
  /** `issued`: it was sent and answered just now, by this worker. */
  poll(issued: boolean): Promise<Polled>;
  /** Nobody has sent it: a reason not to send it any more. `mayArrive`: a lost worker may have sent it meanwhile. */
  lapsed(): { mayArrive: boolean; end(): Promise<Went> } | undefined;
  /** Polled again then. `counts`: the try is written down each time. */
  sleep(slept: { until: Instant; for: string; says: string }, counts: boolean): Promise<Went>;
  /** Its effect, or the lack of it, was seen. */
  seen(poll: Exclude<Polled, { is: 'pending' | 'notIssued' }>): Promise<Went>;
  /** Exchange has refused it: it is known to have changed nothing. */
  refused(says: string): Promise<Went>;
  /** The kill switch was on at the last moment: nothing was sent. */
  notSent(says: string): Promise<Went>;
  /** It did not get through, however often it was sent. */
  lost(says: string): Promise<Went>;
  /** Nobody can see what became of it. */
  unseen(says: string): Promise<Went>;
}

/** Sends it, and polls what became of it. `again`: somebody may have sent it before. */
export async function send(engine: Engine, advance: Advance, command: Command, again = false): Promise<Went> {
  const { intent } = command;
  if (!intent) throw new Error(`${command.name} has no command to send`);
  try {
    await advance.confirm();
  } catch (error) {
    if (!(error instanceof NotCopied)) throw error;
    // After a failover nobody would know that it may have been sent: it waits for the replicas.
    const says = `${intent.command} is not sent yet, because a failover could still lose its journal entry: ${error.message}`;
    return command.sleep({ until: later(engine, COPIED_AGAIN), for: 'answer', says }, false);
  }
  let issued = false;
  try {
    await command.issue(intent);
    issued = true;
  } catch (error) {
    const mayArrive = again && !isWaitedOut(advance, command);
    if (error instanceof NotSent) {
      if (mayArrive) return waitOut(engine, command);
      // A worker that has taken over may have sent it.
      advance.stillMine();
      return command.notSent(error.message);
    }
    if (!(error instanceof ExchangeError)) throw error;
    if (error.code === 'refused' || error.code === 'accessDenied' || error.code === 'notFound') {
      if (mayArrive) return waitOut(engine, command);
      advance.stillMine();
      return command.refused(`${intent.command} on ${intent.server} was refused: ${error.message}`);
    }
    // It may or may not have happened: polling tells.
    engine.log.warn(`${intent.command} on ${intent.server}: ${error.code}`, {
      incident: advance.cursor.incident.id,
      detail: error.message,
    });
  }
  return poll(engine, advance, command, issued);
}

/** Sees what became of it. `issued` is undefined when this worker has not tried to send it. */
export async function poll(
  engine: Engine,
  advance: Advance,
  command: Command,
  issued: boolean | undefined,
): Promise<Went> {
  let seen: Polled;
  try {
    seen = await command.poll(issued === true);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return unseen(engine, command, error);
  }
  advance.signal.throwIfAborted();
  if (seen.is === 'pending') {
    const { until, says, counts } = seen;
    return command.sleep({ until, for: counts ?? command.name, says }, counts !== undefined);
  }
  if (seen.is !== 'notIssued') return command.seen(seen);

  const lapsed = command.lapsed();
  if (lapsed && (issued === undefined || lapsed.mayArrive)) {
    if (lapsed.mayArrive && !isWaitedOut(advance, command)) return waitOut(engine, command);
    return lapsed.end();
  }
  const { intent, tries, sendings } = command;
  const outOf = (sent: number) => `${intent?.command} did not reach ${intent?.server} (${sent} of ${sendings})`;
  if (issued === undefined && tries >= sendings) {
    return isWaitedOut(advance, command) ? command.lost(outOf(tries)) : waitOut(engine, command);
  }
  if (issued === undefined) return send(engine, advance, command, true);
  const until = Math.max(engine.clock.now() + command.sendAgain, later(engine, engine.settings.notAfter));
  return command.sleep({ until, for: 'health', says: outOf(tries + 1) }, true);
}

/** The world did not answer: wait, never send again; after an hour a person must see. */
function unseen(engine: Engine, command: Command, error: ExchangeError): Promise<Went> {
  const now = engine.clock.now();
  const says = `could not be polled (${error.code}): ${error.message}`;
  if (now - (command.startedAt ?? now) > GIVE_UP_AFTER) {
    return command.unseen(`The result of ${command.intent?.command ?? command.name} ${says}`);
  }
  return command.sleep({ until: now + POLL_AGAIN, for: 'answer', says }, false);
}

/** Before a command is said to have had no effect: the far side refuses what comes so late. */
function waitOut(engine: Engine, command: Command): Promise<Went> {
  const says = 'waiting until no earlier command can still arrive';
  return command.sleep({ until: later(engine, engine.settings.notAfter), for: 'late', says }, false);
}

/** It has slept so long that whatever was sent before is refused by now. */
function isWaitedOut({ cursor }: Advance, { n }: Command): boolean {
  const { slept } = cursor.incident;
  return slept !== undefined && slept.n === n && (slept.for === 'late' || slept.for === 'health');
}

/** Now plus `ms` real milliseconds, on the organisation's clock. */
const later = ({ clock }: Engine, ms: number) => clock.now() + ms * clock.speed;
