import { createHash } from 'node:crypto';
import { incidentKey } from '../incident/alert.ts';
import { fold } from '../incident/fold.ts';
import type { Outcome } from '../incident/outcome.ts';
import type { Engine } from './parts.ts';
import type { Story } from './story.ts';

/**
 * The child incident of a step. Its id derives from parent and step, so that a worker that was killed between the two
 * writes finds it again; where an incident with that key is open, it is joined.
 */
export async function openChild(
  engine: Engine,
  story: Story,
  n: number,
  server: string,
  family: string,
): Promise<{ incident: string; joined: boolean }> {
  const { incident: parent } = story;
  const digest = createHash('sha256').update(`${parent.id}\n${n}`).digest('hex').slice(0, 8);
  const id = `${server}-${family}-${digest}`.toLowerCase();
  let child = { incident: id, joined: false };
  if (!(await engine.store.read(id))) {
    const key = incidentKey(server, family);
    const opened = await engine.store.append(
      id,
      { seq: 0, hash: '' },
      { type: 'opened', data: { id, server, family, parent: { incident: parent.id, root: parent.root, n } } },
      { at: engine.clock.now(), worker: engine.worker, due: engine.realNow(), opening: { key, server } },
    );
    if (opened.ok) engine.onEntry(fold([opened.entry]), opened.entry);
    else if ('open' in opened) child = { incident: opened.open, joined: true };
  }
  await story.record(
    { type: 'childOpened', data: { n, incident: child.incident, server, joined: child.joined } },
    // An incident that was there before acts for itself: what we hold of its server is handed over.
    child.joined ? { release: { owner: parent.root, world: parent.facts?.organisation ?? '', servers: [server] } } : {},
  );
  await engine.wakeups.incident(child.incident);
  return child;
}

export async function outcomeOf(engine: Engine, id: string): Promise<{ outcome: Outcome; reason: string } | undefined> {
  const journal = await engine.store.read(id);
  if (!journal) return { outcome: 'escalated', reason: `incident ${id} is gone from the store` };
  const { finished } = fold(journal.entries);
  return finished && { outcome: finished.outcome, reason: finished.reason };
}
