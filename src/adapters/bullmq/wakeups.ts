import { type Job, Queue, type QueueOptions, Worker } from 'bullmq';
import { type Cluster, type Redis, ReplyError } from 'ioredis';
import { atMost, within } from '../../lib/deadline.ts';
import type { Wakeups } from '../../ports/wakeups.ts';

type Client = Redis | Cluster;

export interface BullWakeupsOptions {
  /** `commands`: fails immediately while Redis is down. `blocking`: waits, and never gives up on a command. */
  connect(purpose: 'commands' | 'blocking'): Client;
  /** All keys begin with `{prefix}:queue:`. Default: `sr`. */
  prefix?: string;
  /** Called for failures in the background, including those of handlers. */
  onTrouble?: (says: string) => void;
}

export interface BullWakeups extends Wakeups {
  /** For the queue board. */
  queues: Queue[];
  /** Number of connected workers of all daemons; 0 if the server does not report it, like some managed ones. */
  workers(): Promise<number>;
}

/** Time limit for adding a job; after that the sweep finds its subject. */
const ADD_TIMEOUT_MS = 2_000;

/**
 * A dead worker's job is taken over after about three seconds (BullMQ's default: a minute), however often that happens; by
 * default, a job fails permanently at the second death of its worker.
 */
const RECOVERY = { lockDuration: 3_000, stalledInterval: 1_500, maxStalledCount: 100 };

/** BullMQ chooses the ids of jobs, because it ignores a named job while one of that name exists in any state. */
const JOB = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 200 },
  removeOnComplete: { count: 200 },
  removeOnFail: { count: 1_000 },
};

/** A job without a subject, which proves that jobs are processed. */
const NOBODY = '';
const PROVED_WITHIN_MS = 1_000;

/** Wake-ups as BullMQ jobs, in the queues `alerts` and `incidents`. */
export function createBullWakeups(options: BullWakeupsOptions): BullWakeups {
  return new BullMqWakeups(options);
}

interface Wake {
  id: string;
}

class BullMqWakeups implements BullWakeups {
  readonly queues: Queue[];
  readonly #alerts: Queue<Wake>;
  readonly #incidents: Queue<Wake>;
  readonly #connect: BullWakeupsOptions['connect'];
  readonly #prefix: string;
  readonly #onTrouble: (says: string) => void;
  readonly #clients: Client[] = [];
  readonly #workers: Worker<Wake>[] = [];
  #closing: Promise<void> | undefined;
  /** Errors of Redis for a nudge and for a worker, until the same operation succeeds. */
  readonly #refused: { nudge?: string; worker?: string } = {};
  #taken: () => void = () => {};

  constructor(options: BullWakeupsOptions) {
    this.#connect = options.connect;
    this.#prefix = `{${options.prefix ?? 'sr'}}:queue`;
    this.#onTrouble = options.onTrouble ?? (() => {});
    const connection = this.#client('commands');
    const queueOptions: QueueOptions = { connection, prefix: this.#prefix, defaultJobOptions: JOB };
    this.#alerts = new Queue('alerts', queueOptions);
    this.#incidents = new Queue('incidents', queueOptions);
    this.queues = [this.#alerts, this.#incidents];
    for (const queue of this.queues) queue.on('error', (error) => this.#trouble(`queue ${queue.name}`, error));
  }

  async alerts(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    const jobs = ids.map((id) => ({ name: 'alert', data: { id } }));
    await this.#nudge(`${ids.length} alerts`, () => this.#alerts.addBulk(jobs));
  }

  async incident(id: string, delayMs = 0, priority?: number): Promise<void> {
    const delay = Math.max(0, Math.ceil(delayMs));
    // In BullMQ, 0 means no priority, and such a job comes before all that have one.
    const wake = { delay, priority: priority === undefined ? 0 : priority + 1 };
    await this.#nudge(`incident ${id}`, () => this.#incidents.add('incident', { id }, wake));
  }

  /** Never throws: the subject is stored and due, so the sweep finds it. */
  async #nudge(whom: string, add: () => Promise<unknown>): Promise<void> {
    try {
      await within(ADD_TIMEOUT_MS, add(), () => new Error(`no answer within ${ADD_TIMEOUT_MS} ms`));
      delete this.#refused.nudge;
    } catch (error) {
      if (error instanceof ReplyError) this.#refused.nudge = String((error as Error).message);
      this.#trouble(`wake-up for ${whom} (the sweep will find it)`, error);
    }
  }

  async work(handlers: Parameters<Wakeups['work']>[0], concurrency: Parameters<Wakeups['work']>[1]): Promise<void> {
    this.#workers.push(
      this.#worker('alerts', (job) => handlers.alert(job.data.id), concurrency.alerts),
      this.#worker(
        'incidents',
        async (job) => {
          if (job.data.id !== NOBODY) await handlers.incident(job.data.id);
        },
        concurrency.incidents,
      ),
    );
    await Promise.all(this.#workers.map((worker) => worker.waitUntilReady()));
  }

  #worker(queue: string, handle: (job: Job<Wake>) => Promise<void>, concurrency: number): Worker<Wake> {
    const connection = this.#client('blocking');
    const worker = new Worker<Wake>(queue, handle, {
      connection,
      prefix: this.#prefix,
      concurrency,
      drainDelay: 1,
      ...RECOVERY,
    });
    worker.on('error', (error) => {
      if (error instanceof ReplyError) this.#refused.worker = error.message;
      this.#trouble(`worker of ${queue}`, error);
    });
    worker.on('active', () => {
      delete this.#refused.worker;
      this.#taken();
    });
    worker.on('failed', (job, error) =>
      this.#trouble(`${queue} ${job?.data.id} (attempt ${job?.attemptsMade})`, error),
    );
    return worker;
  }

  async counts(): Promise<{ queue: string; state: string; jobs: number }[]> {
    const each = this.queues.map(async (queue) => {
      const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed');
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
      const jobs = { waiting: waiting + prioritized, active, delayed, failed };
      return Object.entries(jobs).map(([state, jobs]) => ({ queue: queue.name, state, jobs }));
    });
    return (await Promise.all(each)).flat();
  }

  async refusal(): Promise<string | undefined> {
    const { nudge, worker } = this.#refused;
    if (nudge === undefined && worker === undefined) return undefined;
    const taken = new Promise<void>((resolve) => {
      this.#taken = resolve;
    });
    const proved = atMost(PROVED_WITHIN_MS, taken);
    await this.incident(NOBODY);
    if (this.#refused.worker === undefined) this.#taken?.();
    await proved;
    return this.#refused.nudge ?? this.#refused.worker;
  }

  async workers(): Promise<number> {
    const found = await this.#incidents.getWorkers();
    // If CLIENT LIST is refused, BullMQ returns an entry that is not a connection.
    return found.filter(({ id }) => id !== undefined).length;
  }

  /** The first call closes; later calls wait for it. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    // Another worker takes over unfinished jobs as soon as their lock has expired.
    const inHand = this.#workers.map((worker) => worker.close().catch((error) => this.#trouble('closing', error)));
    await atMost(graceMs, Promise.all(inHand));
    const rest = [...this.#workers.map((worker) => worker.close(true)), ...this.queues.map((queue) => queue.close())];
    await atMost(1_000, Promise.allSettled(rest));
    for (const client of this.#clients) client.disconnect();
  }

  #client(purpose: 'commands' | 'blocking'): Client {
    const client = this.#connect(purpose);
    client.on('error', (error: Error) => this.#trouble('connection to Redis', error));
    this.#clients.push(client);
    return client;
  }

  #trouble(what: string, error: unknown): void {
    this.#onTrouble(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
