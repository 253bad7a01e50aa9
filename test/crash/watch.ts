import { setTimeout as pause } from 'node:timers/promises';
import { redisTarget } from '../../src/adapters/redis/connect.ts';
import { createRedisStore } from '../../src/adapters/redis/store.ts';
import type { FeedItem } from '../../src/ports.ts';
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

/** Sees what the daemons do from beside them: the feed of all journals in Redis, and the lab's log. */
export class Watch {
  readonly entries: SeenEntry[] = [];
  readonly commands: Command[] = [];
  readonly #lab: string;
  readonly #ending = new AbortController();
  #waiting: Waiting[] = [];
  #over = false;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(lab: string) {
    this.#lab = lab;
  }

  async begin(redis: string): Promise<void> {
    const store = await createRedisStore({ target: redisTarget(redis) });
    const feed = store.feed('0-0', this.#ending.signal);
    const reading = (async () => {
      for await (const item of feed) {
        this.entries.push({ ...item, seenAt: Date.now() });
        this.#tell();
      }
    })();
    this.#looking = Promise.all([reading, this.#followLab()]).finally(() => store.close());
    this.#looking.catch(() => {});
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.#looking;
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

  async #followLab(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const since = this.commands.at(-1)?.seq ?? 0;
      const news = await get<Command[]>(`${this.#lab}/lab/v1/commands?since=${since}`);
      this.commands.push(...news);
      if (news.length > 0) this.#tell();
      await pause(10);
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
