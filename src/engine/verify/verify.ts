import type { VerifyPurpose } from '../../incident/event.ts';
import type { Advance } from '../advancing.ts';
import type { Engine } from '../parts.ts';

/** Verifies the whole family and records the result. */
export async function verify(engine: Engine, advance: Advance, purpose: VerifyPurpose): Promise<'on'> {
  const { cursor, signal } = advance;
  const { server, family, alerts, change } = cursor.incident;
  const startedAt = engine.clock.now();
  const verified = await engine.verifier.family({ server, family, hints: alerts, ...(change && { change }) }, signal);
  signal.throwIfAborted();
  await cursor.record({ type: 'verified', data: { ...verified, purpose, startedAt } });
  advance.justVerified = true;
  return 'on';
}
