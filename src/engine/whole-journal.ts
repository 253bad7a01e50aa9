import type { Journal, Store } from '../ports.ts';

/** A journal from its first entry to its last; undefined where there is none, or somebody has taken its beginning or its end. */
export async function wholeJournal(store: Pick<Store, 'read'>, id: string): Promise<Journal | undefined> {
  const journal = await store.read(id);
  const isWhole = journal?.entries[0]?.seq === 1 && journal.entries.at(-1)?.seq === journal.head.seq;
  return isWhole ? journal : undefined;
}
