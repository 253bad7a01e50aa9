import { randomUUID } from 'node:crypto';
import { verifyChain } from '../../incident/chain.ts';
import type { Entry } from '../../incident/event.ts';
import { type Beside, type Trace, tracesOf } from '../../incident/traces.ts';
import type { Reindexed } from '../../ports/store.ts';
import type { Client } from './connect.ts';
import { appendRequest, headFrom, whatToNote } from './request.ts';
import { AGAIN, FAMILIES, KEEP, SWAP, TAKE_FIELDS } from './scripts/reindex.ts';
import { Scripts } from './scripts/script.ts';

/** The error of appends during a rebuild. */
export const REINDEXING = 'the indexes of the store are being rebuilt: nothing is written until that is done';

/** A stored journal: its head and the texts of its entries. */
type Texts = (incident: string) => Promise<{ head: string; texts: string[] } | undefined>;

/**
 * Real milliseconds after which daemons may write again if the rebuilding process died, and the interval at which it renews its
 * lock.
 */
const HOLD = { lasts: 30_000, renewed: 5_000 };
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Number of items for one script, which then takes about 10 ms. */
const AT_ONCE = 200;

/**
 * Rebuilds the indexes under a separate prefix from the entries of all journals, in order of time, and then replaces the old ones
 * atomically. Nothing can be appended meanwhile. If this process dies before that, the old ones remain. `now`: real time, by the
 * clock of Redis.
 */
export async function reindex(client: Client, prefix: string, texts: Texts, now: number): Promise<Reindexed> {
  const [scripts, token] = [new Scripts(client, prefix), randomUUID()];
  const reindexing = `${prefix}reindexing`;
  if ((await client.set(reindexing, token, 'PX', HOLD.lasts, 'NX')) === null) throw new Error(REINDEXING);
  // A failed renewal is noticed by the last step, which requires the lock.
  const renewing = setInterval(() => void scripts.run(KEEP, token, HOLD.lasts).catch(() => {}), HOLD.renewed);
  const fresh = `${prefix}new:`;
  try {
    for (const left of await keysOf(client, fresh)) await client.del(left);
    const ids = await incidentsOf(client, prefix);
    const { requests, unreadable, open } = await readAll(ids, texts, now);
    requests.sort((a, b) => a.order - b.order || compare(a.id, b.id) || a.seq - b.seq);

    const again = new Scripts(client, fresh);
    for (const some of chunksOf(requests)) await again.run(AGAIN, ...some.map(({ text }) => text));
    const known = new Set(unreadable.map(({ incident }) => incident));
    const read = ids.filter((id) => !known.has(id));
    for (const some of chunksOf(read)) await scripts.run(TAKE_FIELDS, fresh, ...some);
    const made = {
      unreadable: [...known],
      old: await familiesOf(client, prefix),
      new: await familiesOf(client, fresh),
    };
    if ((await scripts.run(SWAP, token, fresh, JSON.stringify(made))) !== 1) {
      throw new Error('the lock on the store was lost, so the indexes are unchanged: run reindex again');
    }
    return { incidents: read.length, open, owed: await client.hlen(`${prefix}ledger`), unreadable };
  } catch (error) {
    if ((await client.get(reindexing).catch(() => null)) === token) await client.del(reindexing);
    throw error;
  } finally {
    clearInterval(renewing);
  }
}

interface Request {
  order: number;
  id: string;
  seq: number;
  /** An AppendRequest. */
  text: string;
}

async function readAll(ids: string[], texts: Texts, now: number) {
  const requests: Request[] = [];
  const unreadable: Reindexed['unreadable'] = [];
  let open = 0;
  for (const some of chunksOf(ids)) {
    const journals = await Promise.all(some.map(async (id) => ({ id, stored: await stored(id, texts) })));
    for (const { id, stored: read } of journals) {
      const traces = typeof read === 'string' ? read : tracesIn(read);
      if (typeof traces === 'string') unreadable.push({ incident: id, why: traces });
      else {
        if (!traces.some(({ event }) => event.type === 'finished')) open += 1;
        requests.push(...requestsOf(id, traces, now));
      }
    }
  }
  return { requests, unreadable, open };
}

/** A journal, or why it can't be read. */
async function stored(id: string, texts: Texts): Promise<{ head: string; texts: string[] } | string> {
  try {
    return (await texts(id)) ?? 'its head is missing: nothing can be appended to it';
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      return `its compressed entries can't be decompressed: ${error.message}`;
    }
    throw error;
  }
}

/** What the entries of a journal add to the indexes, or why it can't be read. */
function tracesIn({ head, texts }: { head: string; texts: string[] }): Trace[] | string {
  let entries: Entry[] = [];
  try {
    entries = texts.map((text) => JSON.parse(text) as Entry);
    return tracesOf(entries);
  } catch (error) {
    const whole = verifyChain(entries, headFrom(head));
    const why = error instanceof Error ? error.message : String(error);
    return whole.ok ? why : `${why} (${whole.why})`;
  }
}

/** The requests that write the indexes again. Leaves out what would expire immediately, which is most of old journals. */
function requestsOf(id: string, traces: Trace[], now: number): Request[] {
  const requests: Request[] = [];
  let known: string | undefined;
  for (const trace of traces) {
    const beside = lasting(trace, now);
    const { event, order, seq } = trace;
    const { world: organisation = beside.start?.organisation, repeatCount } = whatToNote(event);
    const tells = Object.keys(beside).length > 0 || repeatCount !== undefined || (organisation ?? known) !== known;
    known = organisation ?? known;
    if (tells) requests.push({ order, id, seq, text: JSON.stringify(requestOf(id, { ...trace, beside }, now)) });
  }
  return requests;
}

/** The organisation's time never runs slower than wall-clock time, so everything older than its retention has expired. */
function lasting({ at, beside }: Trace, now: number): Beside {
  const { trouble, start, ...rest } = beside;
  const throttles = start?.throttles.filter((rule) => at > now - Math.max(DAY, rule.minutesBetween * MINUTE)) ?? [];
  return {
    ...rest,
    ...(trouble && at > now - DAY && { trouble }),
    ...(start && { start: { ...start, throttles } }),
  };
}

function requestOf(id: string, { seq, at, event, beside }: Trace, now: number) {
  const due = event.type === 'opened' ? { due: now } : {};
  const options = { at, worker: '', ...beside, ...due };
  const request = appendRequest(id, { seq: 0, hash: '' }, { seq, hash: '' }, event, options, 0);
  // The organisation's time is wall-clock time, except in a lab, where it is ahead.
  return { ...request, ended: Math.min(at, now) };
}

/** Every incident with at least one key. */
async function incidentsOf(client: Client, prefix: string): Promise<string[]> {
  const found = await Promise.all(
    ['incident:', 'journal:'].map(async (kind) =>
      (await keysOf(client, `${prefix}${kind}`)).map((key) => key.slice(prefix.length + kind.length)),
    ),
  );
  return [...new Set(found.flat())].sort();
}

/** Names, without the prefix, of the keys that exist once per item. */
async function familiesOf(client: Client, prefix: string): Promise<string[]> {
  const found = await Promise.all(FAMILIES.map((family) => keysOf(client, `${prefix}${family}:`)));
  return found.flat().map((key) => key.slice(prefix.length));
}

async function keysOf(client: Client, beginning: string): Promise<string[]> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  const found = new Set<string>();
  for (const node of nodes) {
    for await (const keys of node.scanStream({ match: `${beginning}*`, count: 1_000 })) {
      for (const key of keys as string[]) found.add(key);
    }
  }
  return [...found];
}

function* chunksOf<T>(all: readonly T[]): Generator<T[]> {
  for (let from = 0; from < all.length; from += AT_ONCE) yield all.slice(from, from + AT_ONCE);
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
