import type { Engine } from './parts.ts';

/** Records that there is news for an incident and queues it: first of all, or by its `priority` if given. */
export async function wake(engine: Engine, id: string, priority?: number): Promise<void> {
  await engine.store.nudge(id, engine.realNow());
  await engine.wakeups.incident(id, 0, priority);
}
