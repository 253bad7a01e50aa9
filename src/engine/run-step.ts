import type { Answer } from '../guards/guard.ts';
import { askGuards } from '../guards/index.ts';
import { answerOf } from '../guards/shared-state.ts';
import { ourStart, throttleRules } from '../guards/throttle.ts';
import type { StepFinished } from '../incident/event.ts';
import { currentRun, stepRecord } from '../incident/incident.ts';
import type { Condition } from '../incident/plan.ts';
import { ExchangeError, NotSent, type StartConditions } from '../ports.ts';
import { stepNamed } from '../steps/index.ts';
import { type Begin, DISRUPTIVE, type Look, type PlannedChange, type Step, type StepContext } from '../steps/step.ts';
import type { Advance, Went } from './advancing.ts';
import { changeOf, scopeOf } from './change.ts';
import { openChild, outcomeOf } from './children.ts';
import { look } from './look.ts';
import { factsOf, groupOf } from './organisation.ts';
import type { Engine } from './parts.ts';

/** Real milliseconds between two questions to a guard that waits; a nudge comes earlier where somebody knows better. */
const ASK_AGAIN = 5_000;
/** Organisation's milliseconds until a world that did not answer is asked again, and until it is given up. */
const ANSWER_AGAIN = 30_000;
const GIVE_UP_AFTER = 60 * 60_000;
/** A command that did not get through is sent again so often, always with the same fence. */
const SENDINGS = 3;

/** Prepares a step, asks the guards, and starts it. */
export async function beginStep(engine: Engine, advance: Advance, n: number): Promise<Went> {
  const { story } = advance;
  const record = stepRecord(story.incident, n);
  const step = stepNamed(record.step.step);
  const context = contextOf(engine, advance, n);

  const unmet = record.step.when && (await unmetByHealth(context, record.step.when));
  if (unmet === 'unseen')
    return tryAgain(engine, advance, n, 'the health set that the step depends on could not be seen');
  if (unmet) return end(advance, { n, state: 'skipped', says: unmet });

  let begun: Begin;
  try {
    begun = await step.begin(context);
  } catch (error) {
    if (error instanceof ExchangeError) return notBegun(engine, advance, n, error);
    throw error;
  }
  if (begun.begin === 'skip') return end(advance, { n, state: 'skipped', says: begun.says });
  if (begun.begin === 'refuse') return end(advance, { n, state: 'refused', says: begun.says, escalate: begun.says });
  if (begun.change) {
    try {
      return await startChange(engine, advance, n, begun.note, begun.change);
    } catch (error) {
      if (error instanceof ExchangeError) return notBegun(engine, advance, n, error);
      throw error;
    }
  }
  await story.decide({ type: 'stepStarted', data: { n, note: begun.note } });
  return continueStep(engine, advance, n);
}

/** A changing step: the guards look, and then one atomic script starts it or says who is against it. */
async function startChange(
  engine: Engine,
  advance: Advance,
  n: number,
  note: Record<string, unknown>,
  change: PlannedChange,
): Promise<Went> {
  const { story, signal } = advance;
  const { incident } = story;
  const { clock, settings, store } = engine;
  const run = currentRun(incident);
  if (!run) throw new Error(`step ${n} of ${incident.id} begins without a playbook`);
  const { value: organisation } = await engine.exchange.organisation({ signal });
  const target = factsOf(organisation, change.intent.server);
  if (!target) {
    const says = `${change.intent.server} is not a server of this organisation`;
    return end(advance, { n, state: 'refused', says, escalate: says });
  }
  const group = groupOf(target);
  const own = incident.facts && groupOf(incident.facts);
  const scope = scopeOf(run.playbook, [incident.server, target.server], [own, group]);

  const disruptive = DISRUPTIVE.has(change.action);
  const start: StartConditions = {
    owner: incident.root,
    world: organisation.id,
    kill: scope,
    claims: [...new Set([incident.server, target.server])].sort(),
    throttles: [
      ...throttleRules(change, target, group, settings.throttles[change.action], clock.now()),
      ourStart(target.server, change.resource, clock.now()),
    ],
    ...(disruptive && group && { slot: { group, server: target.server } }),
    ...(disruptive && {
      disrupts: { servers: [target.server], until: engine.realNow() + settings.disruptionWindow / clock.speed },
    }),
  };

  const refusal = await store.wouldRefuse(start);
  if (refusal && 'owner' in refusal) engine.waiters.add(refusal.owner, incident.id);
  const asked = await askGuards({
    incident,
    run,
    step: stepRecord(incident, n).step,
    change,
    target,
    organisation,
    exchange: engine.exchange,
    clock,
    settings,
    scope,
    killSwitches: await store.killSwitches(),
    refusal,
    startedByUs: (minutes) => startedByUs(engine, organisation.id, target.server, change.resource, minutes),
    justLooked: advance.justLooked,
    signal,
  });
  if (asked) {
    const { guard, answer } = asked;
    if (answer.answer === 'look') return look(engine, advance, 'before-change');
    return obey(engine, advance, n, guard, answer);
  }

  const started = await story.decide(
    {
      type: 'stepStarted',
      data: {
        n,
        note,
        intent: change.intent,
        ...(change.undo && { undo: change.undo }),
        ...(start.slot && { slot: start.slot.group }),
        ...(group && { group }),
      },
    },
    {
      start,
      ...(change.undo && {
        owe: change.undo.map((debt) => ({ debt, incident: incident.id, world: organisation.id })),
      }),
    },
  );
  if (!started.ok) {
    if (!('refused' in started)) throw new Error(`step ${n} of ${incident.id} could not start`);
    const { guard, answer } = answerOf(started.refused);
    if ('owner' in started.refused) engine.waiters.add(started.refused.owner, incident.id);
    return obey(engine, advance, n, guard, answer);
  }
  advance.justLooked = false;
  return send(engine, advance, n, stepNamed(stepRecord(incident, n).step.step));
}

/** Whether an incident of ours, or its undo, has started that service or server within so many minutes. */
async function startedByUs(
  engine: Engine,
  world: string,
  server: string,
  resource: string | undefined,
  minutes: number,
) {
  const rule = { ...ourStart(server, resource, engine.clock.now()), minutesBetween: minutes };
  const refusal = await engine.store.wouldRefuse({ owner: '', world, kill: [], claims: [], throttles: [rule] });
  return refusal?.by === 'throttle';
}

/** Waits as a guard says, or ends as it says. A wait is written down when it begins and when its reason changes. */
async function obey(engine: Engine, advance: Advance, n: number, guard: string, answer: Answer): Promise<Went> {
  const { story } = advance;
  if (answer.answer === 'refuse') {
    const { says, reason, suppressed } = answer;
    return end(advance, {
      n,
      state: 'refused',
      says,
      escalate: says,
      guard: { name: guard, reason },
      ...(suppressed && { suppressed }),
    });
  }
  if (answer.answer !== 'wait') return 'on';
  const { held } = story.incident;
  const now = engine.clock.now();
  if (held && !held.approval && held.n === n && now - held.at > engine.settings.holdLimit) {
    const says = `Waited too long: ${held.says}`;
    return end(advance, { n, state: 'refused', says, escalate: says, guard: { name: guard, reason: answer.reason } });
  }
  const { reason, says, until, approval } = answer;
  if (held?.n !== n || held.guard !== guard || held.says !== says) {
    const data = { n, guard, reason, says, ...(until !== undefined && { until }), ...(approval && { approval }) };
    await story.decide({ type: 'held', data });
  }
  if (approval && until !== undefined) return { is: 'waiting', until };
  return { is: 'waiting', until: now + ASK_AGAIN * engine.clock.speed };
}

/** Sends the command of a started step, and looks what became of it. */
async function send(engine: Engine, advance: Advance, n: number, step: Step): Promise<Went> {
  const record = stepRecord(advance.story.incident, n);
  if (!record.intent || !step.issue) throw new Error(`step ${n} (${step.name}) has no command to send`);
  advance.stillMine();
  let issued = false;
  try {
    await step.issue(contextOf(engine, advance, n), record.intent);
    issued = true;
  } catch (error) {
    if (error instanceof NotSent) {
      return end(advance, { n, state: 'notSent', says: error.message });
    }
    if (!(error instanceof ExchangeError)) throw error;
    if (error.code === 'refused' || error.code === 'accessDenied' || error.code === 'notFound') {
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

/** A step that was started, by whomever: see what became of it, and go on from there. */
export async function continueStep(engine: Engine, advance: Advance, n: number): Promise<Went> {
  const step = stepNamed(stepRecord(advance.story.incident, n).step.step);
  return lookAt(engine, advance, n, step, undefined);
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
    return sleep(
      advance,
      { n, until: seen.until, for: seen.counts ?? step.name, says: seen.says },
      seen.counts !== undefined,
    );
  }
  if (seen.look === 'notIssued') {
    if (advance.story.incident.conclusion) return letGo(engine, advance, n);
    if (issued === undefined) return send(engine, advance, n, step);
    const tries = record.sickLooks + 1;
    const says = `${record.intent?.command} did not reach ${record.intent?.server} (${tries} of ${SENDINGS})`;
    if (tries >= SENDINGS) return end(advance, { n, state: 'failed', says, escalate: says });
    const until = engine.clock.now() + ANSWER_AGAIN;
    return sleep(advance, { n, until, for: 'health', says }, true);
  }
  const { says, looked, result, changed } = seen;
  const facts = { n, says, ...(looked && { looked }), ...(result && { result }), ...(changed && { changed }) };
  if (seen.look === 'refused') return end(advance, { ...facts, state: 'refused', escalate: says });
  const { health, escalate, exhausted } = seen;
  return end(advance, {
    ...facts,
    state: seen.look,
    ...(health && { health }),
    ...(escalate !== undefined && { escalate }),
    ...(exhausted && { exhausted }),
  });
}

/** While looking at a step in hand the world did not answer: wait, never issue again; after an hour a person must see. */
async function unseen(engine: Engine, advance: Advance, n: number, error: ExchangeError): Promise<Went> {
  const record = stepRecord(advance.story.incident, n);
  const says = `could not be seen (${error.code}): ${error.message}`;
  const now = engine.clock.now();
  if (now - (record.startedAt ?? now) > GIVE_UP_AFTER) {
    const why = `What became of ${record.intent?.command ?? record.step.step} ${says}`;
    return end(advance, { n, state: 'failed', says: why, escalate: why, ...(record.intent && { changed: true }) });
  }
  return sleep(advance, { n, until: now + ANSWER_AGAIN, for: 'answer', says }, false);
}

/** The world could not be read before a step began: nothing has happened, so look again, a few times. */
async function notBegun(engine: Engine, advance: Advance, n: number, error: ExchangeError): Promise<Went> {
  if (error.code === 'notFound' || error.code === 'accessDenied' || error.code === 'refused') {
    const says = `Not started (${error.code}): ${error.message}`;
    return end(advance, { n, state: 'refused', says, escalate: says });
  }
  return tryAgain(engine, advance, n, `${error.code}: ${error.message}`);
}

async function tryAgain(engine: Engine, advance: Advance, n: number, why: string): Promise<Went> {
  const { blindLooks } = stepRecord(advance.story.incident, n);
  if (blindLooks >= engine.settings.looks) {
    const says = `Not started, after ${blindLooks + 1} tries: ${why}`;
    return end(advance, { n, state: 'refused', says, escalate: says });
  }
  return sleep(advance, { n, until: engine.clock.now() + engine.settings.lookEvery, for: 'look', says: why }, true);
}

/** A sleep is written down when it begins, when its reason changes, and when it is counted; not at each poll. */
async function sleep(
  { story }: Advance,
  data: { n: number; until: number; for: string; says: string },
  counted: boolean,
): Promise<Went> {
  const { slept } = story.incident;
  const same = slept?.n === data.n && slept.for === data.for && slept.says === data.says;
  if (counted || !same) await story.record({ type: 'slept', data });
  return { is: 'sleeping', until: data.until };
}

/**
 * A person cancelled before the command took effect: it is not sent any more. One that a lost worker may have sent is
 * waited out first: the far side refuses what comes so late.
 */
async function letGo(engine: Engine, advance: Advance, n: number): Promise<Went> {
  const { slept, conclusion } = advance.story.incident;
  const says = `not sent any more: ${conclusion?.reason}`;
  if (slept?.n === n && slept.for === 'late') return endWithoutEffect(engine, advance, { n, state: 'skipped', says });
  const until = engine.clock.now() + engine.settings.notAfter * engine.clock.speed;
  return sleep(advance, { n, until, for: 'late', says: 'waiting until no command can be on its way any more' }, false);
}

/** The command is known to have changed nothing: of what it would have changed, nothing needs to be put back. */
async function endWithoutEffect(engine: Engine, advance: Advance, data: StepFinished): Promise<Went> {
  await end(advance, data);
  const { story } = advance;
  const { id, undo, facts } = story.incident;
  const world = facts?.organisation ?? '';
  for (const debt of undo.filter((one) => one.state === 'owed' && one.id.startsWith(`${data.n}:`))) {
    const { server, setting } = debt;
    // What an earlier incident changed is still changed.
    const owed = await engine.store.ledgerOf(server, setting, world);
    if (owed && owed.incident !== id) continue;
    const says = `${data.says}, so there is nothing to put back`;
    await story.record(
      { type: 'undone', data: { undo: debt.id, state: 'notNeeded', says } },
      { settle: [{ server, setting, world }] },
    );
  }
  return 'on';
}

async function end({ story }: Advance, data: StepFinished): Promise<Went> {
  await story.record({ type: 'stepFinished', data });
  return 'on';
}

async function unmetByHealth(
  { verifier, incident, signal }: StepContext,
  when: Condition,
): Promise<string | undefined> {
  const wanted = when.healthy ?? when.unhealthy;
  if (wanted === undefined) return undefined;
  const healthy = await verifier.healthSet(incident.server, wanted, signal);
  if (healthy === undefined) return 'unseen';
  if (healthy === (when.healthy !== undefined)) return undefined;
  return `${wanted} on ${incident.server} is ${healthy ? 'healthy' : 'unhealthy'}`;
}

function contextOf(engine: Engine, advance: Advance, n: number): StepContext {
  const { story, signal } = advance;
  const { incident } = story;
  const record = stepRecord(incident, n);
  const { facts } = incident;
  if (!facts) throw new Error(`incident ${incident.id} has a plan but was never looked at`);
  const { clock, settings } = engine;
  return {
    incident,
    record,
    facts,
    exchange: engine.exchange,
    verifier: engine.verifier,
    clock,
    settings,
    change: () => changeOf(engine, advance, `step ${n}`, record.intent?.server ?? incident.server, record.group),
    ledgerOf: (server, setting) => engine.store.ledgerOf(server, setting, facts.organisation),
    openChild: (server, family) => openChild(engine, story, n, server, family),
    outcomeOf: (id) => outcomeOf(engine, id),
    notify: (subject, text) =>
      engine.notify({ key: `${incident.id}:${n}`, kind: 'notice', incident: incident.id, subject, text }),
    signal,
  };
}
