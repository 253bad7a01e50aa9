import type { Answer } from '../../guards/guard.ts';
import { askGuards } from '../../guards/index.ts';
import { answerOf } from '../../guards/shared-state.ts';
import { stepRecord } from '../../incident/incident.ts';
import type { Condition } from '../../incident/plan.ts';
import type { PlannedChange } from '../../incident/planned-change.ts';
import { ExchangeError } from '../../ports/exchange.ts';
import { stepNamed } from '../../steps/index.ts';
import type { Begin, StepContext } from '../../steps/step.ts';
import { type Advance, askAgain, type Progress, sleep } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { verify } from '../verify/verify.ts';
import { askPerson, isAnswered } from './ask-person.ts';
import { continueStep, sendCommand } from './continue-step.ts';
import { previewOf } from './preview.ts';
import { contextOf } from './step-context.ts';
import { endStep } from './step-record.ts';
import { weigh } from './weigh.ts';

/** Prepares a step, asks the guards, and starts it. */
export async function beginStep(engine: Engine, advance: Advance, n: number): Promise<Progress> {
  const { cursor } = advance;
  const record = stepRecord(cursor.incident, n);
  const step = stepNamed(record.step.step);
  const context = contextOf(engine, advance, n);

  const unmet = record.step.when && (await unmetByHealth(context, record.step.when));
  if (unmet === 'unseen')
    return tryAgain(engine, advance, n, 'the health set that the step depends on could not be read');
  if (unmet) return endStep(advance, { n, state: 'skipped', says: unmet });

  const question = step.asks?.(record.step.options);
  if (question && !isAnswered(engine, advance, n)) return askPerson(engine, advance, n, question);

  let begun: Begin;
  try {
    begun = await step.begin(context);
  } catch (error) {
    if (error instanceof ExchangeError) return notBegun(engine, advance, n, error);
    throw error;
  }
  if (begun.begin === 'skip') return endStep(advance, { n, state: 'skipped', says: begun.says });
  if (begun.begin === 'refuse')
    return endStep(advance, { n, state: 'refused', says: begun.says, escalate: begun.says });
  if (begun.change) {
    try {
      return await startChange(engine, advance, n, begun.note, begun.change);
    } catch (error) {
      if (error instanceof ExchangeError) return notBegun(engine, advance, n, error);
      throw error;
    }
  }
  await cursor.decide({ type: 'stepStarted', data: { n, note: begun.note } });
  return continueStep(engine, advance, n);
}

/** Starts a changing step: the guards are asked, then one atomic script starts it or refuses. */
async function startChange(
  engine: Engine,
  advance: Advance,
  n: number,
  note: Record<string, unknown>,
  change: PlannedChange,
): Promise<Progress> {
  const { cursor } = advance;
  const { incident } = cursor;
  const weighed = await weigh(engine, advance, n, note, change);
  if (typeof weighed === 'string') return endStep(advance, { n, state: 'refused', says: weighed, escalate: weighed });
  const { start, conditions, context } = weighed;
  const { refusal } = context;
  if (refusal && 'owner' in refusal) engine.waiters.add(refusal.owner, incident.id);
  const asked = await askGuards(context, (answer) => engine.onGuard?.(incident, n, answer));
  if (asked) {
    const { guard, answer } = asked;
    if (answer.answer === 'verify') return verify(engine, advance, 'before-change');
    return obey(engine, advance, n, guard, answer);
  }

  const started = await cursor.decide({ type: 'stepStarted', data: start }, { conditions });
  if (!started.ok) {
    if (!('refused' in started)) throw new Error(`step ${n} of ${incident.id} could not start`);
    const { guard, answer } = answerOf(started.refused);
    if ('owner' in started.refused) engine.waiters.add(started.refused.owner, incident.id);
    return obey(engine, advance, n, guard, answer);
  }
  advance.justVerified = false;
  return sendCommand(engine, advance, n);
}

/** Waits or ends, as a guard says. A wait is recorded at its beginning and when its reason changes. */
async function obey(engine: Engine, advance: Advance, n: number, guard: string, answer: Answer): Promise<Progress> {
  const { cursor } = advance;
  if (answer.answer === 'refuse') {
    const { says, reason, suppressed } = answer;
    return endStep(advance, {
      n,
      state: 'refused',
      says,
      escalate: says,
      guard: { name: guard, reason },
      ...(suppressed && { suppressed }),
    });
  }
  if (answer.answer !== 'wait') return 'on';
  const { held } = cursor.incident;
  const now = engine.clock.now();
  if (held && !held.approval && held.n === n && now - held.at > engine.settings.holdLimit) {
    const says = `Waited too long: ${held.says}`;
    return endStep(advance, {
      n,
      state: 'refused',
      says,
      escalate: says,
      guard: { name: guard, reason: answer.reason },
      ...(answer.suppresses && !cursor.incident.changed && { suppressed: true }),
    });
  }
  const { reason, says, until, approval } = answer;
  if (held?.n !== n || held.guard !== guard || held.says !== says) {
    const asks = approval && {
      approval,
      preview: previewOf(cursor.incident, n),
      ...(engine.settings.approvers > 1 && { approvers: engine.settings.approvers }),
    };
    const data = { n, guard, reason, says, ...(until !== undefined && { until }), ...asks };
    await cursor.decide({ type: 'held', data });
  }
  if (approval && until !== undefined) return { is: 'waiting', until };
  return askAgain(engine, cursor.incident);
}

/** Exchange could not be read before a step began: nothing has happened, so retry a few times. */
async function notBegun(engine: Engine, advance: Advance, n: number, error: ExchangeError): Promise<Progress> {
  if (error.code === 'notFound' || error.code === 'accessDenied' || error.code === 'refused') {
    const says = `Not started (${error.code}): ${error.message}`;
    return endStep(advance, { n, state: 'refused', says, escalate: says });
  }
  return tryAgain(engine, advance, n, `${error.code}: ${error.message}`);
}

async function tryAgain(engine: Engine, advance: Advance, n: number, why: string): Promise<Progress> {
  const { inconclusiveTries } = stepRecord(advance.cursor.incident, n);
  if (inconclusiveTries >= engine.settings.retries) {
    const says = `Not started, after ${inconclusiveTries + 1} tries: ${why}`;
    return endStep(advance, { n, state: 'refused', says, escalate: says });
  }
  return sleep(advance, { n, until: engine.clock.now() + engine.settings.retryEvery, for: 'look', says: why }, true);
}

/** Why the condition of a step does not hold; `unseen` if the health set could not be read. */
export async function unmetByHealth(
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
