import type { EventType, IncidentEvent } from '../incident/event.ts';
import { fold } from '../incident/fold.ts';
import type { Incident } from '../incident/incident.ts';
import { type Head, Stale } from '../ports.ts';
import { type Appended, append, type Unwritten } from './append.ts';
import type { Engine } from './parts.ts';
import { wholeJournal } from './whole-journal.ts';

/** What others may write while a worker advances: it does not void what the worker has just seen or done. */
const FROM_OUTSIDE: ReadonlySet<EventType> = new Set(['attached', 'approved', 'rejected', 'cancelled']);

/** An incident's journal in the hands of one worker: append, and the fold follows. */
export interface Story {
  readonly incident: Incident;
  readonly head: Head;
  /**
   * Appends what was decided on the head; throws Stale when anything was written since. For decisions.
   */
  decide(event: IncidentEvent, unwritten?: Unwritten): Promise<Appended>;
  /**
   * Appends a fact: what was seen or done stays true when a person or a sender wrote meanwhile, so it is appended
   * behind that. Throws Stale when another worker has advanced the incident.
   */
  record(event: IncidentEvent): Promise<void>;
}

/** Opens the story of an incident; undefined where there is none. */
export async function openStory(engine: Engine, id: string): Promise<Story | undefined> {
  const { store } = engine;
  const known = engine.watch.known(id);
  const journal = await wholeJournal(store, id);
  await engine.watch.compare(id, known, journal);
  if (!journal) return undefined;
  let { head } = journal;
  let incident = fold(journal.entries);

  async function decide(event: IncidentEvent, unwritten?: Unwritten): Promise<Appended> {
    const result = await append(engine, id, { head, incident }, event, unwritten);
    if (result.ok) head = result.head;
    return result;
  }

  async function record(event: IncidentEvent): Promise<void> {
    for (;;) {
      try {
        await decide(event);
        return;
      } catch (error) {
        if (!(error instanceof Stale) || !(await onlyOutsidersWrote())) throw error;
      }
    }
  }

  /** Takes in what was written since; false when it voids what this worker knows. */
  async function onlyOutsidersWrote(): Promise<boolean> {
    const now = await store.read(id);
    const since = now?.entries.filter((entry) => entry.seq > head.seq) ?? [];
    if (!now || since.length === 0 || since.some((entry) => !FROM_OUTSIDE.has(entry.type))) return false;
    head = now.head;
    incident = fold(now.entries);
    return true;
  }

  return {
    get incident() {
      return incident;
    },
    get head() {
      return head;
    },
    decide,
    record,
  };
}
