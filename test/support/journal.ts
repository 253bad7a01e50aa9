import { pagesOf } from '../../src/engine/read-incident.ts';
import type { JournalPage } from '../../src/ports/journal.ts';
import type { Store } from '../../src/ports/store.ts';

/** The whole journal of an incident. */
export async function journalOf(
  store: Pick<Store, 'page'>,
  id: string,
): Promise<Pick<JournalPage, 'head' | 'entries'> | undefined> {
  let journal: Pick<JournalPage, 'head' | 'entries'> | undefined;
  for await (const { head, entries } of pagesOf(store, id)) {
    journal = { head, entries: [...(journal?.entries ?? []), ...entries] };
  }
  return journal;
}
