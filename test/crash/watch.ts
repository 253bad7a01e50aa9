import { setTimeout as pause } from 'node:timers/promises';
import { type Client, redisTarget } from '../../src/adapters/redis/connect.ts';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import { entryHash, verifyChain } from '../../src/incident/chain.ts';
import type { FeedItem } from '../../src/ports/journal.ts';
import type { Store } from '../../src/ports/store.ts';
import { journalOf } from '../support/journal.ts';
import { get } from '../support/processes.ts';
import type { Moment } from './plan.ts';

/** A line of the lab's log: what really reached the organisation. */
export interface Command {
  seq: number;
  server: string;
  command: string;
  arguments: Record<string, unknown>;
  caller: string;
  effect: 'changed' | 'none' | 'already' | 'refused';
}

/** An entry, and when (real ms) it was seen here. */
export interface SeenEntry extends FeedItem {
  seenAt: number;
}

interface Waiting {
  at: Moment;
  tell(reached: boolean): void;
}

/** Sees what the daemons do from beside them: the journals and leases in Redis, and the lab's log. */
export class Watch {
  readonly entries: SeenEntry[] = [];
  readonly commands: Command[] = [];
  readonly #lab: string;
  readonly #store: Store;
  readonly #redis: Client;
  readonly #ending = new AbortController();
  #waiting: Waiting[] = [];
  #over = false;
  #looking: Promise<unknown> = Promise.resolve();

  static async begin(lab: string, redis: string): Promise<Watch> {
    const target = redisTarget(redis);
    const client = target.connect('blocking').on('error', () => {}); // it comes back
    const watch = new Watch(lab, await createRedisStore({ target }), client);
    watch.#looking = Promise.all([watch.#followJournals(), watch.#followLab()]);
    watch.#looking.catch(() => {});
    return watch;
  }

  private constructor(lab: string, store: Store, redis: Client) {
    this.#lab = lab;
    this.#store = store;
    this.#redis = redis;
  }

  async end(): Promise<void> {
    this.#ending.abort();
    try {
      await this.#looking;
    } finally {
      await this.#store.close();
      this.#redis.disconnect();
    }
  }

  /** True when the moment has come; false when it did not come before there were no more. */
  reached(at: Moment): Promise<boolean> {
    return new Promise((tell) => {
      this.#waiting.push({ at, tell });
      this.#tell();
    });
  }

  /** What was not reached by now is not waited for any longer. */
  noMoreMoments(): void {
    this.#over = true;
    this.#tell();
  }

  /** The incidents whose lease that process holds; none while Redis does not answer. */
  async heldBy(pid: number): Promise<string[]> {
    const asked = (async () => {
      const leases = await this.#redis.keys('{sr}:lease:*');
      const holders = await Promise.all(leases.map((lease) => this.#redis.get(lease)));
      return leases
        .filter((_, n) => holders[n]?.includes(`:${pid}/`))
        .map((lease) => lease.slice('{sr}:lease:'.length));
    })();
    return Promise.race([asked.catch(() => []), pause(1_000).then(() => [])]);
  }

  /** As a person would who is at another console, one that is not cut off. */
  async setKillSwitch(on: boolean): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#store.setKillSwitch({ on, scope: {}, by: 'the test', reason: '', since: Date.now() });
        return;
      } catch (error) {
        if (tries === 100) throw error;
        await pause(100);
      }
    }
  }

  /** What is wrong with the journals in Redis: each must be a whole chain, and hold what was seen when it was written. */
  async torn(): Promise<string[]> {
    const ids = new Set(this.entries.map(({ incident }) => incident));
    const each = [...ids].map(async (id) => {
      const journal = await journalOf(this.#store, id);
      if (!journal) return [`the journal of ${id} is gone`];
      const chain = verifyChain(journal.entries, journal.head);
      const hashes = journal.entries.map(entryHash);
      return [
        ...(chain.ok ? [] : [`the journal of ${id}: ${chain.why}`]),
        ...this.entries
          .filter(({ incident, entry }) => incident === id && hashes[entry.seq - 1] !== entryHash(entry))
          .map(({ entry }) => `the journal of ${id}: entry ${entry.seq} is not what it was`),
      ];
    });
    return (await Promise.all(each)).flat();
  }

  async #followJournals(): Promise<void> {
    for await (const item of this.#store.feed('0-0', this.#ending.signal)) {
      this.entries.push({ ...item, seenAt: Date.now() });
      this.#tell();
    }
  }

  async #followLab(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const since = this.commands.at(-1)?.seq ?? 0;
      const news = await get<Command[]>(`${this.#lab}/lab/v1/commands?since=${since}`);
      this.commands.push(...news);
      if (news.length > 0) this.#tell();
      await pause(20);
    }
  }

  #tell(): void {
    const seen = {
      entry: this.entries.length,
      command: this.commands.length,
      change: this.commands.filter(({ effect }) => effect === 'changed').length,
    };
    const still: Waiting[] = [];
    for (const one of this.#waiting) {
      const reached = one.at.count <= seen[one.at.after];
      if (reached || this.#over) one.tell(reached);
      else still.push(one);
    }
    this.#waiting = still;
  }
}
