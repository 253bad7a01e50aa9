import type { Engine } from './parts.ts';

/** Marks that there is news for an incident, and has it advanced: first of all, or in its turn when it has a `priority`. */
export async function wake(engine: Engine, id: string, priority?: number): Promise<void> {
  await engine.store.nudge(id, engine.realNow());
  await engine.wakeups.incident(id, 0, priority);
}
