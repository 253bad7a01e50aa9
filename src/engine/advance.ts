import type { Instant } from '../incident/alert.ts';
import type { LookPurpose } from '../incident/event.ts';
import { next } from '../incident/next.ts';
import { Stale } from '../ports.ts';
import { finish } from './finish.ts';
import { match } from './match.ts';
import type { Engine } from './parts.ts';
import { beginStep, continueStep } from './run-step.ts';
import { putBack } from './run-undo.ts';
import { openStory, type Story } from './story.ts';

/** How far an incident got. Waiting is a result, not an exception: it holds no worker. */
export type Advanced =
  | { is: 'finished' }
  | { is: 'sleeping'; until: Instant }
  /** Somebody else must do something first; look again then, if no news comes before. */
  | { is: 'waiting'; until: Instant }
  | { is: 'unknown' };

/** What one decision led to: go on at once, or stop here for now. */
export type Went = Advanced | 'on';

/** One advance of one incident. `justLooked`: its family was looked at since this advance began, with no wait between. */
export interface Advance {
  story: Story;
  signal: AbortSignal;
  justLooked: boolean;
}

/**
 * The story of the daemon, top to bottom: fold what is known, ask `next`, do it, remember it; until there is nothing to
 * do now. A worker that was overtaken (Stale) drops what it decided and starts from what the journal says.
 */
export async function advance(engine: Engine, id: string, signal: AbortSignal): Promise<Advanced> {
  for (;;) {
    const story = await openStory(engine, id);
    if (!story) return { is: 'unknown' };
    const advance: Advance = { story, signal, justLooked: false };
    try {
      for (;;) {
        signal.throwIfAborted();
        const went = await perform(engine, advance);
        if (went !== 'on') return went;
      }
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
}

async function perform(engine: Engine, advance: Advance): Promise<Went> {
  const { story } = advance;
  const decision = next(story.incident, engine.clock.now(), engine.settings);
  switch (decision.do) {
    case 'nothing':
      return { is: 'finished' };
    case 'look':
      return look(engine, advance, decision.purpose);
    case 'match':
      await story.decide({ type: 'matched', data: match(story.incident, engine.playbooks(), engine.catalog) });
      return 'on';
    case 'begin':
      return beginStep(engine, advance, decision.n);
    case 'continue':
      return continueStep(engine, advance, decision.n);
    case 'skip':
      await story.decide({ type: 'stepFinished', data: { n: decision.n, state: 'skipped', says: decision.says } });
      return 'on';
    case 'undo':
      return putBack(engine, advance, decision.undo);
    case 'sleep': {
      const { until, says } = decision;
      await story.decide({ type: 'slept', data: { until, for: decision.for, says } });
      return { is: 'sleeping', until };
    }
    case 'wait':
      return { is: 'sleeping', until: decision.until };
    case 'expire':
      await story.decide({ type: 'rejected', data: { by: 'second-responder', expired: true } });
      return 'on';
    case 'finish':
      return finish(engine, story, decision.finished);
  }
}

/** Looks at the whole family, and writes down what was seen. */
export async function look(engine: Engine, advance: Advance, purpose: LookPurpose): Promise<'on'> {
  const { story, signal } = advance;
  const { server, family, alerts, changedAt } = story.incident;
  const startedAt = engine.clock.now();
  const looked = await engine.verifier.family(
    { server, family, hints: alerts, ...(changedAt !== undefined && { changedAt }) },
    signal,
  );
  signal.throwIfAborted();
  await story.record({ type: 'verified', data: { ...looked, purpose, startedAt } });
  advance.justLooked = true;
  return 'on';
}
