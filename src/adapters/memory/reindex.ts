import type { Entry } from '../../incident/event.ts';
import { type Trace, tracesOf } from '../../incident/traces.ts';
import type { Reindexed } from '../../ports/store.ts';

/** The contents of all journals in order of time, and the unreadable ones. */
export function tracesOfAll(incidents: ReadonlyMap<string, { texts: readonly string[] }>): {
  traces: (Trace & { id: string })[];
  unreadable: Reindexed['unreadable'];
} {
  const traces: (Trace & { id: string })[] = [];
  const unreadable: Reindexed['unreadable'] = [];
  for (const [id, { texts }] of incidents) {
    try {
      const entries = texts.map((text) => JSON.parse(text) as Entry);
      traces.push(...tracesOf(entries).map((trace) => ({ ...trace, id })));
    } catch (error) {
      unreadable.push({ incident: id, why: error instanceof Error ? error.message : String(error) });
    }
  }
  traces.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) || a.seq - b.seq);
  return { traces, unreadable };
}
