import { AsyncLocalStorage } from 'node:async_hooks';

/** On whose behalf Exchange is called. */
export interface Turn {
  /** How basic it is: the lower, the earlier it is served. */
  rank: number;
  /** Of two that are as basic, the older one is served first. */
  openedAt: number;
  signal: AbortSignal;
  /** Throws when a command must not be sent any more. Asked after a wait for a session: much may have happened since. */
  stillWanted(): Promise<void>;
}

const turns = new AsyncLocalStorage<Turn>();

/**
 * Calls to Exchange that `work` makes, however deep inside, wait for their sessions in this turn. It says only who
 * comes first, never what is done, so no call has to hand it on.
 */
export function inTurn<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
  return turns.run(turn, work);
}

/** For what all share: nobody's turn. */
export function outOfTurn<T>(work: () => Promise<T>): Promise<T> {
  return turns.exit(work);
}

export function currentTurn(): Turn | undefined {
  return turns.getStore();
}

/** The place of a call among those that wait. */
export type Place = Pick<Turn, 'rank' | 'openedAt'>;

interface Waiting extends Place {
  go(): void;
}

/** At most so many calls at a time; the rest waits, the most basic first, then the oldest. */
export class Sessions {
  readonly #limit: number;
  readonly #waiting: Waiting[] = [];
  #inUse = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Rejects with the signal's reason when it fires before a session is free. `waited`: it was not had at once. */
  async use<T>(place: Place, signal: AbortSignal | undefined, call: (waited: boolean) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const waits = this.#inUse >= this.#limit;
    if (waits) await this.#wait(place, signal);
    else this.#inUse += 1;
    try {
      return await call(waits);
    } finally {
      // Handed on, and not let go first: nobody who comes now gets ahead of those who wait.
      const next = this.#waiting.shift();
      if (next) next.go();
      else this.#inUse -= 1;
    }
  }

  #wait({ rank, openedAt }: Place, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        rank,
        openedAt,
        go() {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      const before = this.#waiting.findLastIndex(
        (other) => other.rank < rank || (other.rank === rank && other.openedAt <= openedAt),
      );
      this.#waiting.splice(before + 1, 0, waiting);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}
