/**
 * Runs the work of one key sequentially and gathers ids that arrive meanwhile: the next round takes all of them.
 * Different keys run in parallel. For this process only.
 */
export class Together {
  readonly #waiting = new Map<string, { ids: string[]; round: Promise<void> }>();
  readonly #working = new Map<string, Promise<void>>();

  /** Resolves once `id` has been processed, in whichever round; fails with that round. */
  run(key: string, id: string, work: (ids: string[]) => Promise<void>): Promise<void> {
    const gathering = this.#waiting.get(key);
    if (gathering) {
      gathering.ids.push(id);
      return gathering.round;
    }
    const ids = [id];
    const before = this.#working.get(key) ?? Promise.resolve();
    const round = before
      .catch(() => {}) // that round's callers get the error
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
