import { createHash } from 'node:crypto';
import { checklistOf } from '../../incident/checklist.ts';
import type { Opened } from '../../incident/event.ts';
import type { Incident } from '../../incident/incident.ts';
import type { Outcome } from '../../incident/outcome.ts';
import { Stale } from '../../ports/journal.ts';
import { append } from '../append.ts';
import { open } from '../intake/open.ts';
import type { JournalCursor } from '../journal-cursor.ts';
import type { Engine } from '../parts.ts';
import { readIncident } from '../read-incident.ts';
import { wake } from '../wake.ts';

/**
 * Opens the child incident of a step. Its id is derived from parent and step, so that it is found again after a crash
 * between two writes. If an incident with that key is open, it is joined.
 */
export async function openChild(
  engine: Engine,
  cursor: JournalCursor,
  n: number,
  server: string,
  family: string,
): Promise<{ incident: string; joined: boolean }> {
  const { incident: parent } = cursor;
  const child = await openOrJoin(engine, { incident: parent.id, root: parent.root, n }, server, family);
  await cursor.record({ type: 'childOpened', data: { n, server, ...child } });
  await wake(engine, child.incident);
  return child;
}

type Parent = NonNullable<Opened['parent']>;

async function openOrJoin(engine: Engine, parent: Parent, server: string, family: string) {
  const digest = createHash('sha256').update(`${parent.incident}\n${parent.n}`).digest('hex').slice(0, 8);
  const id = `${server}-${family}-${digest}`.toLowerCase();
  const own = { incident: id, joined: false };
  if (await engine.store.page(id, 0, 1)) return own;
  const organisation = engine.clock.epoch;
  const opened = await open(engine, { id, server, family, parent, world: organisation });
  if ('incident' in opened) return own;
  await adopt(engine, opened.open, parent);
  return { incident: opened.open, joined: true };
}

/**
 * An incident that is joined before it has changed anything becomes part of its parent's run: it shares the parent's
 * claims, which it may be waiting for, and the parent's admission. One that has changed something continues
 * independently.
 */
async function adopt(engine: Engine, id: string, parent: Parent): Promise<void> {
  for (;;) {
    const known = await readIncident(engine.store, id);
    if (!known) return;
    const { incident } = known;
    if (incident.parent || incident.finished || hasActed(incident)) return;
    try {
      await append(engine, id, known, { type: 'attached', data: { alerts: [], parent } });
      return;
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
}

function hasActed(incident: Incident): boolean {
  return incident.changed || incident.steps.some((record) => record.intent !== undefined);
}

export async function outcomeOf(engine: Engine, id: string): Promise<{ outcome: Outcome; reason: string } | undefined> {
  const known = await readIncident(engine.store, id);
  if (!known) return { outcome: 'escalated', reason: `incident ${id} is missing from the store` };
  const { finished } = known.incident;
  return finished && { outcome: finished.outcome, reason: finished.reason };
}

/** What the children of an incident left changed, could not undo, or leave to a person: reported when their parent ends. */
export async function leftByChildren(
  { store }: Engine,
  { children }: Incident,
): Promise<{ left: string[]; owed: string[]; checklist: string[] }> {
  const found = await Promise.all(children.map((id) => readIncident(store, id)));
  const incidents = found.flatMap((known) => known?.incident ?? []);
  const ends = incidents.flatMap(({ finished }) => finished ?? []);
  return {
    left: ends.flatMap(({ left }) => left),
    owed: ends.flatMap(({ owed }) => owed),
    checklist: incidents.filter(({ finished }) => finished).flatMap(checklistOf),
  };
}
