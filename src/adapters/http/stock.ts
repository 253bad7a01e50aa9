/** A limited resource of which each caller may have a part, so that no caller can take all of it. */
export class Stock {
  readonly #each: number;
  readonly #all: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(limits: { each: number; all: number }) {
    this.#each = limits.each;
    this.#all = limits.all;
  }

  /** Takes an amount; returns false and takes nothing if there is not enough. */
  take(who: string, amount = 1): boolean {
    const held = (this.#held.get(who) ?? 0) + amount;
    if (held > this.#each || this.#total + amount > this.#all) return false;
    this.#held.set(who, held);
    this.#total += amount;
    return true;
  }

  giveBack(who: string, amount = 1): void {
    const left = (this.#held.get(who) ?? 0) - amount;
    if (left > 0) this.#held.set(who, left);
    else this.#held.delete(who);
    this.#total -= amount;
  }
}
