/**
 * Does the work of one key one after the other, and gathers what comes meanwhile: the next round takes all of it at once.
 * Different keys go side by side. For this process only.
 */
export class Together {
  readonly #waiting = new Map<string, { ids: string[]; round: Promise<void> }>();
  readonly #working = new Map<string, Promise<void>>();

  /** Resolves once `id` has been worked on, in whichever round; fails with its round. */
  run(key: string, id: string, work: (ids: string[]) => Promise<void>): Promise<void> {
    const gathering = this.#waiting.get(key);
    if (gathering) {
      gathering.ids.push(id);
      return gathering.round;
    }
    const ids = [id];
    const before = this.#working.get(key) ?? Promise.resolve();
    const round = before
      .catch(() => {}) // that round's own callers are told
      .then(() => {
        this.#waiting.delete(key);
        return work(ids);
      })
      .finally(() => {
        if (this.#working.get(key) === round) this.#working.delete(key);
      });
    this.#waiting.set(key, { ids, round });
    this.#working.set(key, round);
    return round;
  }
}
