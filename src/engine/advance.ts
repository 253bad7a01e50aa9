import { inTurn, type Turn } from '../gateway/sessions.ts';
import { next } from '../incident/next.ts';
import { NotSent } from '../ports/exchange.ts';
import { type Head, Stale } from '../ports/journal.ts';
import type { Advance, Advanced, Progress } from './advancing.ts';
import { finish } from './finish/finish.ts';
import { openCursor } from './journal-cursor.ts';
import type { Engine } from './parts.ts';
import { rankOf } from './rank.ts';
import { beginStep } from './step/begin-step.ts';
import { continueStep } from './step/continue-step.ts';
import { putBack, settle } from './undo/run-undo.ts';
import { match } from './verify/match.ts';
import { verify } from './verify/verify.ts';

/**
 * The main loop of the daemon, top to bottom: fold the journal, ask `next`, do it, record it, until there is nothing to
 * do now. A worker that was overtaken (Stale) drops its decision and starts again from the journal.
 */
export async function advance(
  engine: Engine,
  id: string,
  signal: AbortSignal,
  stillMine = () => signal.throwIfAborted(),
  confirm: (head: Head) => Promise<unknown> = (head) => engine.store.confirm(id, head),
): Promise<Advanced & { rank?: number }> {
  for (;;) {
    const cursor = await openCursor(engine, id);
    if (!cursor) return { is: 'unknown' };
    const advance: Advance = {
      cursor,
      signal,
      stillMine,
      async confirm() {
        await cursor.onHead(confirm);
        stillMine();
      },
      justVerified: false,
    };
    const turn = turnOf(engine, advance);
    try {
      for (;;) {
        signal.throwIfAborted();
        const progress = await inTurn(turn, () => perform(engine, advance));
        if (progress !== 'on') return { ...progress, rank: turn.rank };
      }
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
}

async function perform(engine: Engine, advance: Advance): Promise<Progress> {
  const { cursor } = advance;
  const decision = next(cursor.incident, engine.clock.now(), engine.settings);
  await engine.beforeDecision?.(cursor.incident, decision);
  switch (decision.do) {
    case 'nothing':
      return { is: 'finished' };
    case 'verify':
      return verify(engine, advance, decision.purpose);
    case 'match':
      await cursor.decide({
        type: 'matched',
        data: match(cursor.incident, engine.playbooks(), engine.catalog, engine.settings.restrictions),
      });
      return 'on';
    case 'begin':
      return beginStep(engine, advance, decision.n);
    case 'continue':
      return continueStep(engine, advance, decision.n);
    case 'skip':
      await cursor.decide({ type: 'stepFinished', data: { n: decision.n, state: 'skipped', says: decision.says } });
      return 'on';
    case 'undo':
      return putBack(engine, advance, decision.undo);
    case 'settle':
      return settle(advance, decision.undo, decision.says);
    case 'sleep': {
      const { until, says } = decision;
      await cursor.decide({ type: 'slept', data: { until, for: decision.for, says } });
      return { is: 'sleeping', until };
    }
    case 'wait':
      return { is: 'sleeping', until: decision.until };
    case 'expire':
      await cursor.decide({ type: 'rejected', data: { by: 'second-responder', expired: true } });
      return 'on';
    case 'finish':
      return finish(engine, cursor, decision.finished);
  }
}

/** The order in which incidents get scarce sessions, and what must still hold once one is free. */
function turnOf(engine: Engine, { cursor, signal, stillMine }: Advance): Turn {
  const { openedAt } = cursor.incident;
  return {
    get rank() {
      return rankOf(engine.catalog, cursor.incident);
    },
    openedAt,
    signal,
    async stillWanted() {
      const { conclusion: cancelled } = await cursor.ahead();
      stillMine();
      if (!cursor.incident.conclusion && cancelled)
        throw new NotSent(`${cancelled.reason}, while it waited for a session`);
    },
  };
}
