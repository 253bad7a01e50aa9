import { type IncidentView, view } from '../../incident/view.ts';
import type { Store } from '../../ports/store.ts';
import { readIncident } from '../read-incident.ts';

/** The part of an open incident that gauges show. */
export type Shown = Pick<IncidentView, 'phase' | 'openedAt' | 'waiting'>;

/** Maximum number of journals read for one scrape. */
const READ_AT_ONCE = 100;

/**
 * The state of open incidents, for gauges. This process knows what it wrote itself; of the others, those read longest
 * ago are read again each time. In a storm, reading every journal at every scrape would be most of the work.
 */
export class OpenIncidents {
  /** Ordered by when they were last read, oldest first. */
  readonly #seen = new Map<string, Shown>();

  note({ id, phase, openedAt, waiting }: IncidentView): void {
    this.#seen.delete(id);
    if (phase !== 'finished') this.#seen.set(id, { phase, openedAt, ...(waiting && { waiting }) });
  }

  /**
   * All open incidents, including those of other daemons. One that was never read counts as new; `now`: the
   * organisation's time.
   */
  async read(store: Pick<Store, 'openIncidents' | 'page'>, now: number): Promise<Shown[]> {
    const open = new Set(await store.openIncidents());
    for (const id of this.#seen.keys()) if (!open.has(id)) this.#seen.delete(id);
    const unread = [...open].filter((id) => !this.#seen.has(id));
    const oldest = [...unread, ...this.#seen.keys()].slice(0, READ_AT_ONCE);
    const found = await Promise.all(oldest.map((id) => readIncident(store, id)));
    for (const known of found) if (known) this.note(view(known.incident));
    const fresh: Shown = { phase: 'verifying', openedAt: now };
    return [...open].map((id) => this.#seen.get(id) ?? fresh);
  }
}
