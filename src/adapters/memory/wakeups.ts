import { atMost } from '../../lib/deadline.ts';
import type { Wakeups } from '../../ports/wakeups.ts';
export interface MemoryWakeupsOptions {
  /** Real time in milliseconds. Default: wall-clock time. */
  now?: () => number;
  /** Without timers: jobs run only in `runDue`. For tests and simulation. */
  manual?: boolean;
  /** Called for a handler that failed. The job is tried three times in total and then left to the sweep. */
  onError?: (error: unknown, job: { queue: string; id: string }) => void;
}

export interface MemoryWakeups extends Wakeups {
  /** Runs the jobs that are due at `at` (default: now) one after another, including those that they add. Returns their number. */
  runDue(at?: number): Promise<number>;
}

/** Wake-ups by timers of this process, which do not keep it alive. */
export function createMemoryWakeups(options: MemoryWakeupsOptions = {}): MemoryWakeups {
  const now = options.now ?? Date.now;
  const lane = (queue: string) => new Lane(queue, now, options.manual ?? false, options.onError ?? (() => {}));
  const alerts = lane('alerts');
  const incidents = lane('incidents');
  return {
    async alerts(ids) {
      for (const id of ids) alerts.add({ id, priority: 0, attempt: 1 }, 0);
    },
    async incident(id, delayMs = 0, priority = -1) {
      incidents.add({ id, priority, attempt: 1 }, delayMs);
    },
    async work(handlers, concurrency) {
      alerts.work((id) => handlers.alert(id), concurrency.alerts);
      incidents.work((id) => handlers.incident(id), concurrency.incidents);
    },
    refusal: async () => undefined,
    async counts() {
      return [...alerts.counts(), ...incidents.counts()];
    },
    async close(graceMs) {
      await Promise.all([alerts.close(graceMs), incidents.close(graceMs)]);
    },
    async runDue(at = now()) {
      for (let ran = 0; ; ran += 1) {
        if (!(await alerts.runFirst(at)) && !(await incidents.runFirst(at))) return ran;
      }
    },
  };
}

interface Job {
  id: string;
  /** The lowest of the due jobs runs first. */
  priority: number;
  /** Real milliseconds. */
  at: number;
  attempt: number;
}

const ATTEMPTS = 3;
const BACKOFF_MS = 200;
/** Maximum delay of a Node timer; a longer one fires immediately. Waking too early is harmless. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** One queue with its own concurrency, so that slow incidents never delay alerts. */
class Lane {
  readonly #queue: string;
  readonly #now: () => number;
  readonly #manual: boolean;
  readonly #onError: NonNullable<MemoryWakeupsOptions['onError']>;
  readonly #running = new Set<Promise<void>>();
  /** Earliest first; jobs of the same time in the order of their addition. */
  #waiting: Job[] = [];
  #handler: ((id: string) => Promise<void>) | undefined;
  #concurrency = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    queue: string,
    now: () => number,
    manual: boolean,
    onError: NonNullable<MemoryWakeupsOptions['onError']>,
  ) {
    this.#queue = queue;
    this.#now = now;
    this.#manual = manual;
    this.#onError = onError;
  }

  add(wake: Omit<Job, 'at'>, delayMs: number): void {
    if (this.#closed) return;
    const job = { ...wake, at: this.#now() + Math.max(0, delayMs) };
    const before = this.#waiting.findLastIndex((other) => other.at <= job.at);
    this.#waiting.splice(before + 1, 0, job);
    this.#look();
  }

  work(handler: (id: string) => Promise<void>, concurrency: number): void {
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#look();
  }

  counts(): { queue: string; state: string; jobs: number }[] {
    const now = this.#now();
    const delayed = this.#waiting.filter(({ at }) => at > now).length;
    const jobs = { waiting: this.#waiting.length - delayed, active: this.#running.size, delayed };
    return Object.entries(jobs).map(([state, count]) => ({ queue: this.#queue, state, jobs: count }));
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
    if (this.#running.size === 0) return;
    await atMost(graceMs, Promise.all(this.#running));
  }

  /** Runs one job that is due at `at`; returns whether there was one. */
  async runFirst(at: number): Promise<boolean> {
    const job = this.#takeDue(at);
    if (job) await this.#run(job);
    return job !== undefined;
  }

  #takeDue(at: number): Job | undefined {
    if (!this.#handler) return undefined;
    let first = -1;
    for (let n = 0; n < this.#waiting.length; n += 1) {
      const job = this.#waiting[n] as Job;
      if (job.at > at) break;
      if (first < 0 || job.priority < (this.#waiting[first] as Job).priority) first = n;
    }
    return first < 0 ? undefined : this.#waiting.splice(first, 1)[0];
  }

  /** Starts due jobs up to the concurrency, and sets the timer for the next one. */
  #look(): void {
    if (this.#manual || this.#closed || !this.#handler) return;
    while (this.#running.size < this.#concurrency) {
      const job = this.#takeDue(this.#now());
      if (!job) break;
      const run = this.#run(job).finally(() => {
        this.#running.delete(run);
        this.#look();
      });
      this.#running.add(run);
    }
    clearTimeout(this.#timer);
    const next = this.#waiting[0];
    if (!next || this.#running.size >= this.#concurrency) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(0, next.at - this.#now()), LONGEST_TIMER));
    this.#timer.unref();
  }

  async #run({ id, priority, attempt }: Job): Promise<void> {
    // Later, because the caller that added the job may not have finished its work.
    await Promise.resolve();
    try {
      await this.#handler?.(id);
    } catch (error) {
      this.#onError(error, { queue: this.#queue, id });
      if (attempt < ATTEMPTS) this.add({ id, priority, attempt: attempt + 1 }, BACKOFF_MS * 2 ** (attempt - 1));
    }
  }
}
