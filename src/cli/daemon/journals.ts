/** Where commands get the journals of finished incidents: from files, from the store itself, or from a daemon. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { pagesOf } from '../../engine/read-incident.ts';
import { shortName } from '../../incident/alert.ts';
import { type Entry, EVENT_VERSION } from '../../incident/event.ts';
import type { IncidentView } from '../../incident/view.ts';
import { readInstants } from '../../ports/instants.ts';
import type { Store } from '../../ports/store.ts';
import { CliError } from '../errors.ts';
import type { Daemon } from './client.ts';
import { daemonOf, isOwnDaemon } from './connect.ts';
import { inOwnStore } from './own-store.ts';

export interface JournalFilter {
  /** Opened at or after this (ISO 8601). */
  since?: string | undefined;
  server?: string | undefined;
  /** The newest ones, at most. */
  limit?: number | undefined;
  /** JSON lines, or the JSON of one journal. */
  file?: string | undefined;
}

/** A journal, or why it cannot be read, and how much of all was read with it (0 to 1). */
export type ReadJournal = { incident: string; share: number } & ({ entries: Entry[] } | { why: string });

type Journals = AsyncIterable<ReadJournal>;

/** Calls `use` with the journals and where they come from; they are read one by one. */
export async function withJournals<T>(
  command: Command,
  filter: JournalFilter,
  use: (journals: Journals, from: string) => Promise<T>,
): Promise<T> {
  if (filter.file !== undefined) return use(chosen(inFile(filter.file), filter), filter.file);
  if (isOwnDaemon(command)) {
    const found = await inOwnStore(command, async ({ store }, says) => ({
      result: await use(chosen(inStore(store, filter), filter), says),
    }));
    if (found) return found.result;
  }
  const daemon = daemonOf(command);
  return use(chosen(ofDaemon(daemon, filter), filter), daemon.url);
}

/** The store and the API filter by themselves as far as they can. */
async function* chosen(
  journals: Journals,
  { since, server, limit = Number.POSITIVE_INFINITY }: JournalFilter,
): Journals {
  const from = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  let count = 0;
  for await (const journal of journals) {
    if ('entries' in journal) {
      const [first] = journal.entries;
      const opened = first?.data as { server?: unknown } | undefined;
      if ((first?.at ?? 0) < from) continue;
      if (server !== undefined && String(opened?.server) !== shortName(server)) continue;
    }
    yield journal;
    count += 1;
    if (count >= limit) return;
  }
}

const PAGE = 500;
/** Journals that are read at the same time. */
const AT_ONCE = 16;

async function* inStore(store: Pick<Store, 'list' | 'page'>, { since, limit }: JournalFilter): Journals {
  const ids: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const from = since === undefined ? {} : { since: Date.parse(since) };
    const page = await store.list({ state: 'finished', ...from, limit: PAGE, ...(cursor && { cursor }) });
    ids.push(...page.ids);
    cursor = page.next;
    if (!cursor || ids.length >= (limit ?? Number.POSITIVE_INFINITY)) break;
  }
  yield* manyAtOnce(ids, async (id) => {
    const entries: Entry[] = [];
    for await (const page of pagesOf(store, id)) entries.push(...page.entries);
    return entries;
  });
}

async function* ofDaemon(daemon: Daemon, { since, server, limit }: JournalFilter): Journals {
  const ids: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = new URLSearchParams({ state: 'finished', limit: String(PAGE) });
    for (const [name, value] of Object.entries({ since, server, cursor })) if (value) query.set(name, value);
    const page = (await daemon.ask('GET', `/api/v1/incidents?${query}`)) as {
      incidents: Pick<IncidentView, 'id'>[];
      next?: string;
    };
    ids.push(...page.incidents.map(({ id }) => id));
    cursor = page.next;
    if (!cursor || ids.length >= (limit ?? Number.POSITIVE_INFINITY)) break;
  }
  yield* manyAtOnce(ids, (id) => journalOf(daemon, id));
}

/** The whole journal of a finished incident; its pages end with "finished". */
async function journalOf(daemon: Daemon, id: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after = 0; ; after = entries.at(-1)?.seq ?? 0) {
    const path = `/api/v1/incidents/${encodeURIComponent(id)}/journal?after=${after}`;
    const page = entriesIn(await daemon.ask('GET', path));
    entries.push(...page);
    if (page.length === 0 || page.at(-1)?.type === 'finished') return entries;
  }
}

/** Results in the given order; a journal that is gone meanwhile has no entries. */
async function* manyAtOnce(ids: readonly string[], read: (id: string) => Promise<Entry[]>): Journals {
  const reading: Promise<ReadJournal>[] = [];
  const begin = (index: number) => {
    const incident = ids[index];
    if (incident === undefined) return;
    const share = (index + 1) / ids.length;
    reading.push(
      read(incident).then(
        (entries) => ({ incident, share, entries }),
        (error: unknown) => ({ incident, share, why: error instanceof Error ? error.message : String(error) }),
      ),
    );
  };
  for (let index = 0; index < AT_ONCE; index += 1) begin(index);
  for (let index = AT_ONCE; reading.length > 0; index += 1) {
    yield (await reading.shift())!;
    begin(index);
  }
}

async function* inFile(file: string): Journals {
  const size = sizeOf(file);
  let read = 0;
  for await (const { text, place } of textsOf(file)) {
    read += text.length + 1;
    const share = Math.min(1, read / size);
    if (text.trim() === '') continue;
    try {
      const entries = entriesIn(JSON.parse(text));
      yield { incident: (entries[0]?.data as { id?: string } | undefined)?.id ?? place, share, entries };
    } catch (error) {
      yield { incident: place, share, why: error instanceof Error ? error.message : String(error) };
    }
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw new CliError(`The journals cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Bytes read at a time: a hundred journals. */
const CHUNK = 1 << 20;

/** The JSON of one journal if the file is that as a whole, else one journal on each line. */
async function* textsOf(file: string): AsyncGenerator<{ text: string; place: string }> {
  if (file.endsWith('.json')) {
    yield { text: readFileSync(file, 'utf8'), place: file };
    return;
  }
  let line = 0;
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: CHUNK })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) yield { text, place: `${file}:${++line}` };
  }
  yield { text: rest, place: `${file}:${++line}` };
}

/** Entries as the API writes them, or in an object as `entries`. Throws if it is anything else. */
export function entriesIn(answer: unknown): Entry[] {
  const list = Array.isArray(answer) ? answer : (answer as { entries?: unknown } | null)?.entries;
  const isEntry = (one: unknown) => typeof one === 'object' && one !== null && 'type' in one && 'data' in one;
  if (!Array.isArray(list) || !list.every(isEntry)) {
    throw new Error('is not a journal: it must be the answer of /api/v1/incidents/:id/journal');
  }
  const isWritten = typeof (list[0] as { at?: unknown } | undefined)?.at === 'string';
  const entries = isWritten ? readInstants<Entry[]>(list) : (list as Entry[]);
  for (const entry of entries) entry.version ??= EVENT_VERSION;
  return entries;
}
