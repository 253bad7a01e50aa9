import type { StepFinished } from '../../incident/event.ts';
import { stepRecord } from '../../incident/incident.ts';
import { undoOfStep } from '../../incident/undo.ts';
import { stepNamed } from '../../steps/index.ts';
import { type Advance, sleep, type Went } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { type Command, poll, send } from './command.ts';
import { contextOf } from './step-context.ts';
import { endStep } from './step-record.ts';

/** A command that did not get through is sent again so often, always with the same fence, after so long (organisation's ms). */
const SENDINGS = 3;
const SEND_AGAIN = 30_000;

/** A step that was started, by whomever: see what became of it, and go on from there. */
export async function continueStep(engine: Engine, advance: Advance, n: number): Promise<Went> {
  const command = commandOf(engine, advance, n);
  return poll(engine, advance, command, 'maybe');
}

/** Sends the command of a step that was started just now. */
export async function sendCommand(engine: Engine, advance: Advance, n: number): Promise<Went> {
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
      return { mayArrive: false, end: () => notSent('the decision is too old and is made again') };
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
    // The step is still to be done.
    notSent,
    lost: (says) => endStep(advance, { n, state: 'failed', says, escalate: says }),
    unseen: (says) => endStep(advance, { n, state: 'failed', says, escalate: says, ...(intent && { changed: true }) }),
  };
}

/**
 * Nobody has sent it, and what the guards allowed was another world: a daemon that comes back after hours asks them
 * again. What a lost worker may have sent is refused by then.
 */
function isOutdated({ clock, settings }: Engine, startedAt = clock.now()): boolean {
  return clock.now() - startedAt > Math.max(settings.evidenceMaxAge, settings.notAfter * clock.speed);
}

/** The command is known to have changed nothing: of what it would have changed, nothing needs to be put back. */
async function endWithoutEffect(engine: Engine, advance: Advance, data: StepFinished): Promise<Went> {
  await endStep(advance, data);
  const { cursor } = advance;
  const { id, undo, facts } = cursor.incident;
  const organisation = facts?.organisation ?? '';
  for (const debt of undoOfStep(undo, data.n)) {
    // What an earlier step, of this incident or another, changed is still changed.
    const owed = await engine.store.ledgerOf(debt.server, debt.setting, organisation);
    if (owed && (owed.incident !== id || owed.debt.id !== debt.id)) continue;
    const says = `${data.says}, so there is nothing to put back`;
    await cursor.record({ type: 'undone', data: { undo: debt.id, state: 'notNeeded', says } });
  }
  return 'on';
}
