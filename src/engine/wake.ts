import type { Engine } from './parts.ts';

/** Marks that there is news for an incident, and has it advanced. */
export async function wake(engine: Engine, id: string): Promise<void> {
  await engine.store.nudge(id, engine.realNow());
  await engine.wakeups.incident(id);
}
