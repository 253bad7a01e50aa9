import { NotCopied } from '../../ports/journal.ts';
import type { Client } from './connect.ts';
import type { Scripts } from './scripts/script.ts';

/** Real milliseconds in which replicas must acknowledge a write; less than the time-out of a command. */
const PATIENCE_MS = 1_000;

/** Writes that wait for replicas together, with one WAIT. */
interface Round {
  begins: Promise<void>;
  writes: Promise<unknown>[];
  copied: Promise<void>;
}

/**
 * Writes that must survive a failover: they succeed when the required number of replicas has them. They use their own connection,
 * because WAIT covers the writes of its connection and blocks later commands there. Writes during a WAIT are sent after it and
 * share the next one, so missing replicas delay each caller by two seconds at most.
 */
export class Copies {
  readonly client: Client;
  readonly scripts: Scripts;
  readonly #replicas: number;
  /** Number of lost connections. */
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

  /** Writes on `client` or with `scripts`. Throws NotCopied if the write was done but too few replicas have it. */
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
    // After a reconnect, another server may have answered, which never received the write.
    if (this.#lost !== lostBefore)
      throw new NotCopied('the connection to Redis was lost before the replicas had the write');
    if (have < this.#replicas) {
      throw new NotCopied(`${have} of ${this.#replicas} replicas of Redis have the write: a failover would lose it`);
    }
  }
}
