import { createHash } from 'node:crypto';
import type { Instant } from './alert.ts';
import { type Entry, EVENT_VERSION, type IncidentEvent } from './event.ts';

/**
 * The journal is a hash chain: every entry contains the SHA-256 of the text of the previous entry, and the head that of
 * the last. Anyone who changes, drops or inserts an entry later has to rewrite all following entries and the head.
 */
export interface Linked {
  entry: Entry;
  /** The exact text that is stored and hashed. */
  text: string;
  /** SHA-256 of `text`, in hex. */
  hash: string;
}

/** The entry that follows `head`, with its text and hash. The entry is parsed from the text, so it is plain data. */
export function link(
  head: { seq: number; hash: string },
  event: IncidentEvent,
  written: { at: Instant; worker: string },
): Linked {
  const text = canonical({
    seq: head.seq + 1,
    at: written.at,
    worker: written.worker,
    version: EVENT_VERSION,
    type: event.type,
    data: event.data,
    previous: head.hash,
  });
  return { entry: JSON.parse(text) as Entry, text, hash: sha256(text) };
}

/** The canonical text of an entry: JSON without white space, keys in code-unit order. */
export function canonicalText(entry: Entry): string {
  return canonical(entry);
}

/** The hash by which the next entry, or the head, refers to this one. */
export function entryHash(entry: Entry): string {
  return sha256(canonicalText(entry));
}

export type ChainCheck = { ok: true; entries: number } | { ok: false; seq: number; why: string };

/** Recomputes a whole chain, compares it with its head, and names the first entry that does not fit. */
export function verifyChain(entries: readonly Entry[], head: { seq: number; hash: string }): ChainCheck {
  const check = new ChainVerifier();
  check.add(entries);
  return check.end(head);
}

/** The same for a chain that arrives in pieces, in order. */
export class ChainVerifier {
  #entries = 0;
  #previous = '';
  #broken: ChainCheck | undefined;

  add(entries: readonly Entry[]): void {
    for (const entry of entries) this.#broken ??= this.#next(entry);
  }

  #next(entry: Entry): ChainCheck | undefined {
    const seq = this.#entries + 1;
    if (entry.seq !== seq)
      return { ok: false, seq, why: `entry ${seq} is missing: entry ${entry.seq} is in its place` };
    if (entry.previous !== this.#previous) {
      return seq === 1
        ? { ok: false, seq, why: 'the first entry refers to an earlier one: the beginning of the journal was cut off' }
        : { ok: false, seq: seq - 1, why: `entry ${seq - 1} does not match the hash that entry ${seq} has of it` };
    }
    this.#entries = seq;
    this.#previous = entryHash(entry);
    return undefined;
  }

  end(head: { seq: number; hash: string }): ChainCheck {
    if (this.#broken) return this.#broken;
    const entries = this.#entries;
    if (head.seq !== entries) {
      return {
        ok: false,
        seq: entries + 1,
        why: `the head refers to entry ${head.seq}, but the last entry is ${entries}`,
      };
    }
    if (head.hash !== this.#previous) {
      return { ok: false, seq: entries, why: `the last entry (${entries}) does not match the hash in the head` };
    }
    return { ok: true, entries };
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** JSON.stringify keeps insertion order and moves integer-like keys to the front, so it can't be used here. */
function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical(value.toJSON());
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && typeof field !== 'function');
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
