import { NotCopied } from '../../ports/journal.ts';
import type { Client } from './connect.ts';
import type { Scripts } from './scripts/script.ts';

/** Real milliseconds that replicas have to say that they have something: less than a command may take. */
const PATIENCE_MS = 1_000;

/** Writes that wait for replicas together. */
interface Round {
  begins: Promise<void>;
  writes: Promise<unknown>[];
  copied: Promise<void>;
}

/**
 * Writes that a failover must not forget: they count once as many replicas as asked for have them. On a connection of
 * their own, as WAIT speaks of the writes of its connection and holds up whatever comes behind it there. What comes
 * during a WAIT is written after it, and waits together: missing replicas cost each caller two seconds, however many.
 */
export class Copies {
  readonly client: Client;
  readonly scripts: Scripts;
  readonly #replicas: number;
  /** Connections that were lost so far. */
  #lost = 0;
  #last: Promise<void> = Promise.resolve();
  #next: Round | undefined;

  constructor(client: Client, replicas: number, scripts: Scripts) {
    this.client = client;
    this.scripts = scripts;
    this.#replicas = replicas;
    client.on('close', () => {
      this.#lost += 1;
    });
  }

  /** Writes on `client` or by `scripts`; throws NotCopied when that was done, and too few replicas have it. */
  async surely<T>(write: () => Promise<T>): Promise<T> {
    if (this.#replicas === 0) return write();
    this.#next ??= this.#prepare();
    const { begins, writes, copied } = this.#next;
    const written = begins.then(write);
    writes.push(written);
    const [answer] = await Promise.all([written, copied]);
    return answer;
  }

  #prepare(): Round {
    const writes: Promise<unknown>[] = [];
    const begins = this.#last.then(() => {
      this.#next = undefined;
    });
    const copied = begins.then(() => this.#copied(writes));
    this.#last = copied.catch(() => {});
    return { begins, writes, copied };
  }

  async #copied(writes: Promise<unknown>[]): Promise<void> {
    const lostBefore = this.#lost;
    const settled = await Promise.allSettled(writes);
    if (settled.every(({ status }) => status === 'rejected')) return;
    const have = await this.client.wait(this.#replicas, PATIENCE_MS);
    // Else another server may have answered, which never heard of what was written.
    if (this.#lost !== lostBefore)
      throw new NotCopied('the connection to Redis was lost before the replicas had the write');
    if (have < this.#replicas) {
      throw new NotCopied(`${have} of ${this.#replicas} replicas of Redis have the write: a failover would lose it`);
    }
  }
}
