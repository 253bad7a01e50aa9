import type { Entry } from '../../incident/event.ts';
import type { FeedItem } from '../../ports/journal.ts';
import type { Client } from './connect.ts';

const PAGE = 256;
const BLOCK_MS = 5_000;
const RETRY_MS = 500;

/**
 * The stream of all journals, for any number of readers. One connection waits for new entries; each reader then fetches from its
 * own position, so that a slow one costs no memory. While Redis is down, readers wait and lose nothing.
 */
export class RedisFeed {
  readonly #commands: Client;
  readonly #blocking: () => Client;
  readonly #key: string;
  readonly #ended = new AbortController();
  readonly #waiting = new Set<() => void>();
  /** Readers at the same position share one request and its items. */
  readonly #fetching = new Map<string, Promise<FeedItem[]>>();
  #news = 0;
  #watching: Promise<void> | undefined;
  #reader: Client | undefined;

  constructor(commands: Client, blocking: () => Client, key: string) {
    this.#commands = commands;
    this.#blocking = blocking;
    this.#key = key;
  }

  /** Entries after an id; an invalid id means from the time of this call. */
  after(id: string, signal: AbortSignal): AsyncIterable<FeedItem> {
    const end = AbortSignal.any([signal, this.#ended.signal]);
    const from = /^\d{1,19}(-\d{1,19})?$/.test(id) ? Promise.resolve(id) : this.#last();
    from.catch(() => {}); // the reader asks again and gets the error
    return { [Symbol.asyncIterator]: () => this.#read(from, end) };
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#reader?.disconnect();
    await this.#watching;
  }

  async *#read(from: Promise<string>, end: AbortSignal): AsyncGenerator<FeedItem> {
    let seen: string | undefined;
    while (!end.aborted) {
      try {
        seen ??= await from.catch(() => this.#last());
      } catch {
        await this.#pause(RETRY_MS, end);
        continue;
      }
      this.#watching ??= this.#watch(seen);
      const news = this.#news;
      const page = await this.#page(seen, end);
      for (const item of page) {
        if (end.aborted) return;
        seen = item.id;
        yield item;
      }
      if (page.length === 0 && news === this.#news) await this.#pause(BLOCK_MS, end);
    }
  }

  async #page(after: string, end: AbortSignal): Promise<FeedItem[]> {
    try {
      // A request from before the latest entry may not contain it.
      const question = `${after} ${this.#news}`;
      const fetching =
        this.#fetching.get(question) ?? this.#fetch(after).finally(() => this.#fetching.delete(question));
      this.#fetching.set(question, fetching);
      return await fetching;
    } catch {
      await this.#pause(RETRY_MS, end);
      return [];
    }
  }

  async #fetch(after: string): Promise<FeedItem[]> {
    const page = await this.#commands.xrange(this.#key, `(${after}`, '+', 'COUNT', PAGE);
    return page.map(([id, fields]) => item(id, fields));
  }

  async #last(): Promise<string> {
    const [last] = await this.#commands.xrevrange(this.#key, '+', '-', 'COUNT', 1);
    return last?.[0] ?? '0-0';
  }

  /** Waits for entries after `position` and wakes the readers, until the feed is closed. */
  async #watch(position: string): Promise<void> {
    this.#reader = this.#blocking();
    let seen = position;
    while (!this.#ended.signal.aborted) {
      try {
        const streams = await this.#reader.xread('COUNT', PAGE, 'BLOCK', BLOCK_MS, 'STREAMS', this.#key, seen);
        const last = streams?.[0]?.[1].at(-1)?.[0];
        if (last === undefined) continue;
        seen = last;
        this.#news += 1;
        for (const wake of [...this.#waiting]) wake();
      } catch {
        await this.#pause(RETRY_MS, this.#ended.signal);
      }
    }
  }

  /** Waits until there are new entries, but no longer than `ms`. */
  #pause(ms: number, end: AbortSignal): Promise<void> {
    if (end.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        end.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      timer.unref();
      this.#waiting.add(done);
      end.addEventListener('abort', done);
    });
  }
}

function item(id: string, fields: string[]): FeedItem {
  const [, incident = '', , text = ''] = fields;
  return { id, incident, entry: JSON.parse(text) as Entry };
}
