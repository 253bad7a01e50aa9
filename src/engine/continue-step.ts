import type { StepFinished } from '../incident/event.ts';
import { stepRecord } from '../incident/incident.ts';
import { debtsOf } from '../incident/undo.ts';
import { ExchangeError, NotCopied, NotSent } from '../ports.ts';
import { stepNamed } from '../steps/index.ts';
import type { Look, Step } from '../steps/step.ts';
import { type Advance, COPIED_AGAIN, type Went } from './advancing.ts';
import type { Engine } from './parts.ts';
import { contextOf } from './step-context.ts';
import { endStep, sleepInStep } from './step-record.ts';

/** Organisation's milliseconds until a world that did not answer is asked again, and until it is given up. */
const ANSWER_AGAIN = 30_000;
const GIVE_UP_AFTER = 60 * 60_000;
/** A command that did not get through is sent again so often, always with the same fence. */
const SENDINGS = 3;

/** A step that was started, by whomever: see what became of it, and go on from there. */
export async function continueStep(engine: Engine, advance: Advance, n: number): Promise<Went> {
  const step = stepNamed(stepRecord(advance.story.incident, n).step.step);
  return lookAt(engine, advance, n, step, undefined);
}

/** Sends the command of a started step, and looks what became of it. `again`: somebody may have sent it before. */
export async function sendCommand(
  engine: Engine,
  advance: Advance,
  n: number,
  step: Step,
  again = false,
): Promise<Went> {
  const record = stepRecord(advance.story.incident, n);
  if (!record.intent || !step.issue) throw new Error(`step ${n} (${step.name}) has no command to send`);
  try {
    await advance.confirm();
  } catch (error) {
    if (!(error instanceof NotCopied)) throw error;
    return notCopied(engine, advance, n, error);
  }
  let issued = false;
  try {
    await step.issue(contextOf(engine, advance, n), record.intent);
    issued = true;
  } catch (error) {
    const lost = again && !isWaitedOut(advance, n);
    if (error instanceof NotSent) {
      if (lost) return waitOut(engine, advance, n);
      // Whoever has taken over meanwhile may have sent it.
      advance.stillMine();
      return notSent(advance, n, error.message);
    }
    if (!(error instanceof ExchangeError)) throw error;
    if (error.code === 'refused' || error.code === 'accessDenied' || error.code === 'notFound') {
      if (lost) return waitOut(engine, advance, n);
      advance.stillMine();
      const says = `${record.intent.command} on ${record.intent.server} was refused: ${error.message}`;
      return endWithoutEffect(engine, advance, { n, state: 'failed', says, escalate: says });
    }
    // It may or may not have happened: the look tells.
    engine.log.warn(`${record.intent.command} on ${record.intent.server}: ${error.code}`, {
      incident: advance.story.incident.id,
      detail: error.message,
    });
  }
  return lookAt(engine, advance, n, step, issued);
}

/** `issued` is undefined when this worker has not tried to send. */
async function lookAt(
  engine: Engine,
  advance: Advance,
  n: number,
  step: Step,
  issued: boolean | undefined,
): Promise<Went> {
  let seen: Look;
  try {
    seen = await step.look(contextOf(engine, advance, n), issued === true);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return unseen(engine, advance, n, error);
  }
  advance.signal.throwIfAborted();
  const record = stepRecord(advance.story.incident, n);
  if (seen.look === 'pending') {
    return sleepInStep(
      advance,
      { n, until: seen.until, for: seen.counts ?? step.name, says: seen.says },
      seen.counts !== undefined,
    );
  }
  if (seen.look === 'notIssued') {
    if (advance.story.incident.conclusion) return letGo(engine, advance, n);
    if (issued === undefined && isOutdated(engine, record.startedAt))
      return notSent(advance, n, 'it was decided too long ago: it is decided again');
    if (issued === undefined) return sendCommand(engine, advance, n, step, true);
    const tries = record.sickLooks + 1;
    const says = `${record.intent?.command} did not reach ${record.intent?.server} (${tries} of ${SENDINGS})`;
    if (tries >= SENDINGS) return endStep(advance, { n, state: 'failed', says, escalate: says });
    const until = engine.clock.now() + ANSWER_AGAIN;
    return sleepInStep(advance, { n, until, for: 'health', says }, true);
  }
  const { says, looked, result, changed } = seen;
  const facts = { n, says, ...(looked && { looked }), ...(result && { result }), ...(changed && { changed }) };
  if (seen.look === 'refused') return endStep(advance, { ...facts, state: 'refused', escalate: says });
  const { health, escalate, exhausted } = seen;
  return endStep(advance, {
    ...facts,
    state: seen.look,
    ...(health && { health }),
    ...(escalate !== undefined && { escalate }),
    ...(exhausted && { exhausted }),
  });
}

/**
 * Nobody has sent it, and what the guards allowed was another world: a daemon that comes back after hours asks them
 * again. What a lost worker may have sent is refused by then.
 */
function isOutdated({ clock, settings }: Engine, startedAt = clock.now()): boolean {
  return clock.now() - startedAt > Math.max(settings.evidenceMaxAge, settings.notAfter * clock.speed);
}

/** While looking at a step in hand the world did not answer: wait, never issue again; after an hour a person must see. */
async function unseen(engine: Engine, advance: Advance, n: number, error: ExchangeError): Promise<Went> {
  const record = stepRecord(advance.story.incident, n);
  const says = `could not be seen (${error.code}): ${error.message}`;
  const now = engine.clock.now();
  if (now - (record.startedAt ?? now) > GIVE_UP_AFTER) {
    const why = `What became of ${record.intent?.command ?? record.step.step} ${says}`;
    return endStep(advance, { n, state: 'failed', says: why, escalate: why, ...(record.intent && { changed: true }) });
  }
  return sleepInStep(advance, { n, until: now + ANSWER_AGAIN, for: 'answer', says }, false);
}

/** After a failover nobody would know that the command may have been sent: it waits for the replicas. */
async function notCopied({ clock }: Engine, advance: Advance, n: number, error: NotCopied): Promise<Went> {
  const { intent } = stepRecord(advance.story.incident, n);
  const says = `${intent?.command} is not sent yet, as its start could be forgotten: ${error.message}`;
  return sleepInStep(advance, { n, until: clock.now() + COPIED_AGAIN * clock.speed, for: 'answer', says }, false);
}

/**
 * A person cancelled before the command took effect: it is not sent any more. One that a lost worker may have sent is
 * waited out first.
 */
async function letGo(engine: Engine, advance: Advance, n: number): Promise<Went> {
  if (!isWaitedOut(advance, n)) return waitOut(engine, advance, n);
  const says = `not sent any more: ${advance.story.incident.conclusion?.reason}`;
  return endWithoutEffect(engine, advance, { n, state: 'skipped', says });
}

/** Before a command is said to have had no effect: the far side refuses what comes so late. */
function waitOut(engine: Engine, advance: Advance, n: number): Promise<Went> {
  const until = engine.clock.now() + engine.settings.notAfter * engine.clock.speed;
  const says = 'waiting until no command can be on its way any more';
  return sleepInStep(advance, { n, until, for: 'late', says }, false);
}

function isWaitedOut({ story }: Advance, n: number): boolean {
  const { slept } = story.incident;
  return slept?.n === n && slept.for === 'late';
}

/** The step is still to be done: until then it owes nothing. */
function notSent(advance: Advance, n: number, says: string): Promise<Went> {
  return endStep(advance, { n, state: 'notSent', says });
}

/** The command is known to have changed nothing: of what it would have changed, nothing needs to be put back. */
async function endWithoutEffect(engine: Engine, advance: Advance, data: StepFinished): Promise<Went> {
  await endStep(advance, data);
  const { story } = advance;
  const { id, undo, facts } = story.incident;
  const world = facts?.organisation ?? '';
  for (const debt of debtsOf(undo, data.n)) {
    // What an earlier step, of this incident or another, changed is still changed.
    const owed = await engine.store.ledgerOf(debt.server, debt.setting, world);
    if (owed && (owed.incident !== id || owed.debt.id !== debt.id)) continue;
    const says = `${data.says}, so there is nothing to put back`;
    await story.record({ type: 'undone', data: { undo: debt.id, state: 'notNeeded', says } });
  }
  return 'on';
}
