import { AsyncLocalStorage } from 'node:async_hooks';

/** The incident on whose behalf Exchange is called. */
export interface Turn {
  /** How basic its problem is; lower is served first. */
  rank: number;
  /** Of two with the same rank, the older one is served first. */
  openedAt: number;
  signal: AbortSignal;
  /**
   * Throws if a command must no longer be sent. Called after a wait for a session, because much may have happened
   * since.
   */
  stillWanted(): Promise<void>;
}

const turns = new AsyncLocalStorage<Turn>();

/**
 * All calls to Exchange inside `work` wait for their sessions in this turn. It affects only the order, never what is
 * done, so it need not be passed along.
 */
export function inTurn<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
  return turns.run(turn, work);
}

/** For work shared by several callers: no turn. */
export function outOfTurn<T>(work: () => Promise<T>): Promise<T> {
  return turns.exit(work);
}

export function currentTurn(): Turn | undefined {
  return turns.getStore();
}

/** The position of a call in the queue. */
export type Place = Pick<Turn, 'rank' | 'openedAt'>;

interface Waiting extends Place {
  go(): void;
}

/** A limit on concurrent calls. The others wait: the most basic first, then the oldest. */
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

  /** Rejects with the signal's reason if it fires before a session is free. `waited`: whether the call had to wait. */
  async use<T>(place: Place, signal: AbortSignal | undefined, call: (waited: boolean) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const waits = this.#inUse >= this.#limit;
    if (waits) await this.#wait(place, signal);
    else this.#inUse += 1;
    try {
      return await call(waits);
    } finally {
      // The session is passed on directly, so that a new call can't overtake waiting ones.
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
