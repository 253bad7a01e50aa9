import type { Entry } from '../../incident/event.ts';
import type { FeedItem } from '../../ports/journal.ts';

/** The latest entries of all journals in one sequence, for any number of readers. */
export class MemoryFeed {
  readonly #kept: number;
  #items: { n: number; item: FeedItem }[] = [];
  #last = 0;
  #waiting = new Set<() => void>();

  /** @param kept number of entries that readers can resume from */
  constructor(kept: number) {
    this.#kept = kept;
  }

  add(incident: string, entry: Entry): void {
    this.#last += 1;
    this.#items.push({ n: this.#last, item: structuredClone({ id: `${this.#last}-0`, incident, entry }) });
    // Cut in large batches, because shifting at every entry would be quadratic.
    if (this.#items.length >= 2 * this.#kept) this.#items = this.#items.slice(-this.#kept);
    this.#wake();
  }

  /** Entries after an id; one that is no id of this feed means `from now on`. `now` is the moment of this call. */
  after(id: string, ...ends: AbortSignal[]): AsyncIterable<FeedItem> {
    const asked = /^(\d+)(-\d+)?$/.exec(id);
    const from = asked ? Math.min(Number(asked[1]), this.#last) : this.#last;
    return { [Symbol.asyncIterator]: () => this.#read(from, AbortSignal.any(ends)) };
  }

  async *#read(from: number, end: AbortSignal): AsyncGenerator<FeedItem> {
    let seen = from;
    while (!end.aborted) {
      // Numbers have no gaps, so the position follows from the number.
      const first = this.#items[0]?.n ?? 1;
      const next = this.#items[Math.max(0, seen + 1 - first)];
      if (next) {
        seen = next.n;
        yield next.item;
      } else {
        await this.#news(end);
      }
    }
  }

  #news(end: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        end.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      end.addEventListener('abort', done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
