/** Wake-up calls for workers. Only a hint: the journal is the truth, and a sweep replaces lost ones. */
export interface Wakeups {
  /** Queues accepted alerts for correlation. */
  alerts(ids: string[]): Promise<void>;
  /**
   * Queues an incident to be advanced, now or after a delay in real ms. Among waiting jobs the lowest `priority` (0 to
   * 99) comes first; those without one come before all, because someone is waiting for them or they are late.
   */
  incident(id: string, delayMs?: number, priority?: number): Promise<void>;
  /** Starts processing. Resolves once workers are ready. */
  work(
    handlers: { alert(id: string): Promise<void>; incident(id: string): Promise<void> },
    concurrency: { alerts: number; incidents: number },
  ): Promise<void>;
  /** The last refusal of the queues' server, in its own words, until they work again; undefined if none. */
  refusal(): Promise<string | undefined>;
  /** Number of jobs by queue and state. */
  counts(): Promise<{ queue: string; state: string; jobs: number }[]>;
  /** Stops taking jobs, waits for current ones (at most `graceMs`), closes. */
  close(graceMs: number): Promise<void>;
}
