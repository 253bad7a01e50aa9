import type { LookPurpose } from '../../incident/event.ts';
import type { Advance } from '../advancing.ts';
import type { Engine } from '../parts.ts';

/** Looks at the whole family, and writes down what was seen. */
export async function look(engine: Engine, advance: Advance, purpose: LookPurpose): Promise<'on'> {
  const { story, signal } = advance;
  const { server, family, alerts, change } = story.incident;
  const startedAt = engine.clock.now();
  const looked = await engine.verifier.family({ server, family, hints: alerts, ...(change && { change }) }, signal);
  signal.throwIfAborted();
  await story.record({ type: 'verified', data: { ...looked, purpose, startedAt } });
  advance.justLooked = true;
  return 'on';
}
