import type { Attached, Entry, EventType, IncidentEvent } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import { next } from '../incident/next.ts';
import { type Head, type JournalPage, Stale } from '../ports/journal.ts';
import { type Appended, append, type Unwritten } from './append.ts';
import type { Engine } from './parts.ts';
import { pagesOf, readIncident, takeIn } from './read-incident.ts';

/** Events that others may append while a worker advances: they do not void what the worker has just seen or done. */
const FROM_OUTSIDE: ReadonlySet<EventType> = new Set(['attached', 'approved', 'rejected', 'cancelled']);

const fromOutside = ({ type }: Entry) => FROM_OUTSIDE.has(type);
/**
 * Alerts alone do not void a decision either, unless they require a verification first or report maintenance. Their
 * number is limited: kept-alerts.ts.
 */
const onlyAttaches = ({ type, data }: Entry) => type === 'attached' && !isMoreThanAlerts(data as Attached);
const isMoreThanAlerts = ({ parent, alerts }: Attached) => parent || alerts.some(({ inMaintenance }) => inMaintenance);

/** An incident's journal as one worker sees it: appending also advances the fold. */
export interface JournalCursor {
  readonly incident: Incident;
  /**
   * Appends a decision; throws Stale if an entry since then voids it. `unwritten` may depend on the incident: it is
   * called again if alerts were attached meanwhile.
   */
  decide(event: IncidentEvent, unwritten?: Unwritten | (() => Unwritten)): Promise<Appended>;
  /**
   * Appends a fact: what was seen or done stays true even if a person or a sender wrote meanwhile, so it is appended
   * after that. Throws Stale if another worker has advanced the incident.
   */
  record(event: IncidentEvent): Promise<void>;
  /** Does something that depends on a decision and needs the head; throws like `decide`. */
  onHead<T>(work: (head: Head) => Promise<T>): Promise<T>;
  /** The incident as its journal is now; the cursor itself does not move. */
  ahead(): Promise<Incident>;
}

/** Opens the cursor of an incident; undefined if there is none. */
export async function openCursor(engine: Engine, id: string): Promise<JournalCursor | undefined> {
  const { store, clock } = engine;
  const before = engine.watch.known(id);
  let follows: Entry | undefined;
  const found = await readIncident(store, id, ({ entries }) => {
    follows ??= entries.find(({ seq }) => before && seq === before.seq + 1);
  });
  await engine.watch.compare(id, before, found && { head: found.head, follows });
  if (!found) return undefined;
  const known = found;

  async function write(event: IncidentEvent, unwritten?: Unwritten): Promise<Appended> {
    const result = await append(engine, id, known, event, unwritten);
    if (result.ok) known.head = result.head;
    return result;
  }

  /** Retries after newer entries, as long as all of them are harmless. */
  async function behind<T>(
    isHarmless: (entry: Entry) => boolean,
    work: () => Promise<T>,
    isVoid = () => false,
  ): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Stale)) throw error;
        const since = await pagesSince();
        const entries = since.flatMap((page) => page.entries);
        if (entries.length === 0 || !entries.every(isHarmless)) throw error;
        for (const page of since) takeIn(known, page);
        if (isVoid()) throw error;
      }
    }
  }

  async function pagesSince(): Promise<JournalPage[]> {
    const pages: JournalPage[] = [];
    for await (const page of pagesOf(store, id, known.head.seq)) pages.push(page);
    return pages;
  }

  const asksToVerify = () => next(known.incident, clock.now(), engine.settings).do === 'verify';
  const onHead = <T>(work: (head: Head) => Promise<T>) => behind(onlyAttaches, () => work(known.head), asksToVerify);

  return {
    get incident() {
      return known.incident;
    },
    decide: (event, unwritten) => onHead(() => write(event, typeof unwritten === 'function' ? unwritten() : unwritten)),
    async record(event) {
      await behind(fromOutside, () => write(event));
    },
    onHead,
    async ahead() {
      const now = structuredClone(known);
      for (const page of await pagesSince()) takeIn(now, page);
      return now.incident;
    },
  };
}
