import { apply, fold } from '../incident/fold.ts';
import type { Incident } from '../incident/incident.ts';
import type { Head, JournalPage } from '../ports/journal.ts';
import type { Store } from '../ports/store.ts';

/** An incident, folded as far as its journal was read. */
export interface Known {
  incident: Incident;
  head: Head;
}

type Pages = Pick<Store, 'page'>;

/**
 * Folds a journal page by page, so that a long one is never completely in memory. Undefined if there is none, or if its
 * beginning or end is missing.
 */
export async function readIncident(
  store: Pages,
  id: string,
  onPage: (page: JournalPage) => void = () => {},
): Promise<Known | undefined> {
  let known: Known | undefined;
  let last = 0;
  for await (const page of pagesOf(store, id)) {
    onPage(page);
    if (page.entries[0]?.seq !== last + 1) return undefined;
    last = page.entries.at(-1)?.seq ?? last;
    if (known) takeIn(known, page);
    else known = withCounted({ incident: fold(page.entries), head: page.head }, page);
  }
  return known && last === known.head.seq ? known : undefined;
}

/** The entries after number `after`, page by page. */
export async function* pagesOf(store: Pages, id: string, after = 0): AsyncGenerator<JournalPage> {
  for (let from = after; ; ) {
    const page = await store.page(id, from);
    if (!page) return;
    yield page;
    const last = page.entries.at(-1);
    if (!page.more || !last) return;
    from = last.seq;
  }
}

export function takeIn(known: Known, page: JournalPage): void {
  for (const entry of page.entries) apply(known.incident, entry);
  known.head = page.head;
  withCounted(known, page);
}

function withCounted(known: Known, { counted }: JournalPage): Known {
  if (counted) known.incident.counted = counted;
  return known;
}
