import type { Attached, Entry, EventType, IncidentEvent } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import { next } from '../incident/next.ts';
import { type Head, type JournalPage, Stale } from '../ports/journal.ts';
import { type Appended, append, type Unwritten } from './append.ts';
import type { Engine } from './parts.ts';
import { pagesOf, readIncident, takeIn } from './read-incident.ts';

/** What others may write while a worker advances: it does not void what the worker has just seen or done. */
const FROM_OUTSIDE: ReadonlySet<EventType> = new Set(['attached', 'approved', 'rejected', 'cancelled']);

const fromOutside = ({ type }: Entry) => FROM_OUTSIDE.has(type);
/**
 * It does not void a decision either, unless it makes us look first, or says that people work there. An incident takes only
 * so many: kept-alerts.ts.
 */
const onlyAttaches = ({ type, data }: Entry) => type === 'attached' && !isMoreThanAlerts(data as Attached);
const isMoreThanAlerts = ({ parent, alerts }: Attached) => parent || alerts.some(({ inMaintenance }) => inMaintenance);

/** An incident's journal in the hands of one worker: append, and the fold follows. */
export interface JournalCursor {
  readonly incident: Incident;
  /**
   * Appends what was decided; throws Stale when anything was written since that voids it. For decisions. `unwritten` may
   * depend on the incident: it is asked for again when alerts were attached meanwhile.
   */
  decide(event: IncidentEvent, unwritten?: Unwritten | (() => Unwritten)): Promise<Appended>;
  /**
   * Appends a fact: what was seen or done stays true when a person or a sender wrote meanwhile, so it is appended
   * behind that. Throws Stale when another worker has advanced the incident.
   */
  record(event: IncidentEvent): Promise<void>;
  /** Does something that is decided, as `decide`, and needs the head. */
  onHead<T>(work: (head: Head) => Promise<T>): Promise<T>;
  /** The incident as its journal has it now; the story itself stays where it is. */
  ahead(): Promise<Incident>;
}

/** Opens the story of an incident; undefined where there is none. */
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

  /** Tries again behind what was written meanwhile, as long as all of that is harmless. */
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
