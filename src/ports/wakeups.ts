/** Nudges, and only that: the journal is the truth, and a nudge that is lost is found again by a sweep. */
export interface Wakeups {
  /** Have an accepted alert correlated. */
  alerts(ids: string[]): Promise<void>;
  /**
   * Have an incident advanced, now or after a delay in real ms. Of what waits for a worker the lowest `priority` (0 to 99)
   * comes first, and what has none before all: somebody waits for it, or it is late already.
   */
  incident(id: string, delayMs?: number, priority?: number): Promise<void>;
  /** Begins to work. Resolves once workers are ready. */
  work(
    handlers: { alert(id: string): Promise<void>; incident(id: string): Promise<void> },
    concurrency: { alerts: number; incidents: number },
  ): Promise<void>;
  /** What the queues were refused, in their server's own words, and have not been seen to do since; undefined: nothing. */
  refusal(): Promise<string | undefined>;
  /** Jobs by queue and state. */
  counts(): Promise<{ queue: string; state: string; jobs: number }[]>;
  /** Stops taking work, waits for what is in hand (at most `graceMs`), closes. */
  close(graceMs: number): Promise<void>;
}
