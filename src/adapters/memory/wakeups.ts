import type { Wakeups } from '../../ports.ts';

type Handlers = Parameters<Wakeups['work']>[0];

interface Job {
  queue: 'alerts' | 'incidents';
  id: string;
  /** Real ms. */
  at: number;
  attempt: number;
}

export interface MemoryWakeupsOptions {
  /** Real time in ms; the wall's clock when absent. */
  now?: () => number;
  /** No timers: jobs run only in `runDue`. For tests and simulation. */
  manual?: boolean;
  /** Told of a handler that failed; the job is tried again `ATTEMPTS` times in all, and then left to the sweep. */
  onError?: (error: unknown, job: { queue: string; id: string }) => void;
}

const ATTEMPTS = 3;
const BACKOFF_MS = 200;
/** What a timer of Node can wait for; beyond it fires at once. Waking too early is harmless. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface MemoryWakeups extends Wakeups {
  /** Runs one after the other what is due at `at` (now when absent), what those add included. Answers how many ran. */
  runDue(at?: number): Promise<number>;
}

/** Wake-ups by timers of this process, which don't keep it alive. */
export function createMemoryWakeups(options: MemoryWakeupsOptions = {}): MemoryWakeups {
  return new TimerWakeups(options);
}

class TimerWakeups implements MemoryWakeups {
  readonly #now: () => number;
  readonly #manual: boolean;
  readonly #onError: NonNullable<MemoryWakeupsOptions['onError']>;
  readonly #running = new Map<Job, Promise<void>>();
  /** Waiting jobs, the earliest first; of one time in the order in which they were added. */
  #waiting: Job[] = [];
  #handlers: Handlers | undefined;
  #concurrency = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MemoryWakeupsOptions) {
    this.#now = options.now ?? Date.now;
    this.#manual = options.manual ?? false;
    this.#onError = options.onError ?? (() => {});
  }

  async alerts(ids: string[]): Promise<void> {
    for (const id of ids) this.#add({ queue: 'alerts', id, at: this.#now(), attempt: 1 });
  }

  async incident(id: string, delayMs = 0): Promise<void> {
    this.#add({ queue: 'incidents', id, at: this.#now() + Math.max(0, delayMs), attempt: 1 });
  }

  async work(handlers: Handlers, concurrency: number): Promise<void> {
    this.#handlers = handlers;
    this.#concurrency = concurrency;
    this.#look();
  }

  async counts(): Promise<{ queue: string; state: string; jobs: number }[]> {
    const now = this.#now();
    return (['alerts', 'incidents'] as const).flatMap((queue) => {
      const waiting = this.#waiting.filter((job) => job.queue === queue);
      const active = [...this.#running.keys()].filter((job) => job.queue === queue).length;
      const delayed = waiting.filter(({ at }) => at > now).length;
      return [
        { queue, state: 'waiting', jobs: waiting.length - delayed },
        { queue, state: 'active', jobs: active },
        { queue, state: 'delayed', jobs: delayed },
      ];
    });
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
    if (this.#running.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(this.#running.values()), grace]);
    clearTimeout(timer);
  }

  async runDue(at = this.#now()): Promise<number> {
    for (let ran = 0; ; ran += 1) {
      const job = this.#takeDue(at);
      if (!job) return ran;
      await this.#run(job);
    }
  }

  #add(job: Job): void {
    if (this.#closed) return;
    const later = this.#waiting.findLastIndex((other) => other.at <= job.at);
    this.#waiting.splice(later + 1, 0, job);
    this.#look();
  }

  #takeDue(at: number): Job | undefined {
    const first = this.#waiting[0];
    return first && first.at <= at && this.#handlers ? this.#waiting.shift() : undefined;
  }

  /** Starts what is due as far as there is room, and sets the timer for what is next. */
  #look(): void {
    if (this.#manual || this.#closed || !this.#handlers) return;
    while (this.#running.size < this.#concurrency) {
      const job = this.#takeDue(this.#now());
      if (!job) break;
      this.#running.set(job, this.#run(job));
    }
    clearTimeout(this.#timer);
    const next = this.#waiting[0];
    if (!next || this.#running.size >= this.#concurrency) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(0, next.at - this.#now()), LONGEST_TIMER));
    this.#timer.unref();
  }

  async #run(job: Job): Promise<void> {
    try {
      // Not in the caller's turn: whoever adds a job must not find it half done when `add` returns.
      await Promise.resolve();
      await (job.queue === 'alerts' ? this.#handlers?.alert(job.id) : this.#handlers?.incident(job.id));
    } catch (error) {
      this.#onError(error, { queue: job.queue, id: job.id });
      if (job.attempt < ATTEMPTS) {
        this.#add({ ...job, at: this.#now() + BACKOFF_MS * 2 ** (job.attempt - 1), attempt: job.attempt + 1 });
      }
    }
    this.#running.delete(job);
    this.#look();
  }
}
