import type { StepFinished } from '../../incident/event.ts';
import { stepRecord } from '../../incident/incident.ts';
import { undoOfStep } from '../../incident/undo.ts';
import { stepNamed } from '../../steps/index.ts';
import { type Advance, type Progress, sleep } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { type Command, poll, send } from './command.ts';
import { contextOf } from './step-context.ts';
import { endStep } from './step-record.ts';

/**
 * A command that did not get through is sent this many times, always with the same fence, at this interval
 * (organisation's ms).
 */
const SENDINGS = 3;
const SEND_AGAIN = 30_000;

/** Continues a step that was started, by this worker or another: polls what became of it. */
export async function continueStep(engine: Engine, advance: Advance, n: number): Promise<Progress> {
  const command = commandOf(engine, advance, n);
  return poll(engine, advance, command, 'maybe');
}

/** Sends the command of a step that has just been started. */
export async function sendCommand(engine: Engine, advance: Advance, n: number): Promise<Progress> {
  return send(engine, advance, commandOf(engine, advance, n));
}

function commandOf(engine: Engine, advance: Advance, n: number): Command {
  const { incident } = advance.cursor;
  const record = stepRecord(incident, n);
  const { intent, startedAt } = record;
  const step = stepNamed(record.step.step);
  const noEffect = (data: Omit<StepFinished, 'n'>) => endWithoutEffect(engine, advance, { n, ...data });
  const notSent = (says: string) => endStep(advance, { n, state: 'notSent', says });
  return {
    n,
    intent,
    startedAt,
    name: step.name,
    tries: record.unhealthyTries,
    sendings: SENDINGS,
    sendAgain: SEND_AGAIN,
    async issue(noted) {
      if (!step.issue) throw new Error(`step ${n} (${step.name}) has no command to send`);
      await step.issue(contextOf(engine, advance, n), noted);
    },
    poll: (issued) => step.poll(contextOf(engine, advance, n), issued),
    lapsed() {
      const { conclusion } = advance.cursor.incident;
      if (conclusion) {
        const says = `no longer sent: ${conclusion.reason}`;
        return { mayArrive: true, end: () => noEffect({ state: 'skipped', says }) };
      }
      if (!isOutdated(engine, startedAt)) return undefined;
      return { mayArrive: false, end: () => notSent('the decision is too old, so the guards are asked again') };
    },
    sleep: (slept, counts) => sleep(advance, { n, ...slept }, counts),
    seen(look) {
      const { says, looked: verified, result, changed } = look;
      const facts = {
        n,
        says,
        ...(verified && { looked: verified }),
        ...(result && { result }),
        ...(changed && { changed }),
      };
      if (look.is === 'refused') return endStep(advance, { ...facts, state: 'refused', escalate: says });
      const { health, escalate, exhausted } = look;
      return endStep(advance, {
        ...facts,
        state: look.is,
        ...(health && { health }),
        ...(escalate !== undefined && { escalate }),
        ...(exhausted && { exhausted }),
      });
    },
    refused: (says) => noEffect({ state: 'failed', says, escalate: says }),
    // The step stays pending.
    notSent,
    lost: (says) => endStep(advance, { n, state: 'failed', says, escalate: says }),
    unseen: (says) => endStep(advance, { n, state: 'failed', says, escalate: says, ...(intent && { changed: true }) }),
  };
}

/**
 * Whether an unsent command is too old: the guards allowed it under other circumstances, so a daemon that returns after
 * hours asks them again. By then the target refuses anything a lost worker may have sent.
 */
function isOutdated({ clock, settings }: Engine, startedAt = clock.now()): boolean {
  return clock.now() - startedAt > Math.max(settings.evidenceMaxAge, settings.notAfter * clock.speed);
}

/** The command is known to have had no effect, so there is nothing to undo. */
async function endWithoutEffect(engine: Engine, advance: Advance, data: StepFinished): Promise<Progress> {
  await endStep(advance, data);
  const { cursor } = advance;
  const { id, undo, facts } = cursor.incident;
  const organisation = facts?.organisation ?? '';
  for (const action of undoOfStep(undo, data.n)) {
    // A change by an earlier step, of this incident or another, is still in place.
    const entered = await engine.store.ledgerOf(action.server, action.setting, organisation);
    if (entered && (entered.incident !== id || entered.debt.id !== action.id)) continue;
    const says = `${data.says}, so there is nothing to put back`;
    await cursor.record({ type: 'undone', data: { undo: action.id, state: 'notNeeded', says } });
  }
  return 'on';
}
