/** A fixed number of places, given out in the order of requests. */
export class Pool<T> {
  readonly #free: T[];
  readonly #waiting: ((place: T) => void)[] = [];

  constructor(places: readonly T[]) {
    this.#free = [...places];
  }

  /** Rejects with the signal's reason if that comes first, without taking a place. */
  take(signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      // The place that was returned last has the most recently used shell.
      const place = this.#free.pop();
      if (place !== undefined) return resolve(place);
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal.reason);
      };
      const take = (given: T) => {
        signal.removeEventListener('abort', leave);
        resolve(given);
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  give(place: T): void {
    const next = this.#waiting.shift();
    if (next) next(place);
    else this.#free.push(place);
  }
}
