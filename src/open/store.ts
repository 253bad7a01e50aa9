import { createBullWakeups } from '../adapters/bullmq/wakeups.ts';
import type { HttpOptions } from '../adapters/http/index.ts';
import { createMemoryStore } from '../adapters/memory/store.ts';
import { createMemoryWakeups } from '../adapters/memory/wakeups.ts';
import { redisTarget } from '../adapters/redis/connect.ts';
import { inspectRedis } from '../adapters/redis/inspect.ts';
import { findRedisServer, startPrivateRedis } from '../adapters/redis/private-server.ts';
import { createRedisStore } from '../adapters/redis/store.ts';
import type { Logger } from '../adapters/telemetry/index.ts';
import type { Config } from '../config/config.ts';
import { oncePerMinute } from '../lib/once-per-minute.ts';
import type { Release } from '../lib/release.ts';
import type { Store, StoreFacts } from '../ports/store.ts';
import type { Wakeups } from '../ports/wakeups.ts';

/** Inspects the configured store from outside, for `doctor`. */
export function inspectStore(config: Config['store']): Promise<StoreFacts> {
  return inspectRedis(config);
}

export interface OpenedStore {
  store: Store;
  wakeups: Wakeups;
  queues?: NonNullable<HttpOptions['queues']>;
  /** Number of workers connected to it, as far as the store reports. */
  workers(): Promise<number>;
  /** Real time, the same for all daemons on this store. */
  now(): number;
  /** Whether its data is still there at the next start. */
  outlives: boolean;
  /** Whether another daemon uses the same directory. */
  shared: boolean;
  /** Why the private server is not running; undefined if it is, or if there is none. */
  trouble(): string | undefined;
  warnings: string[];
}

/**
 * Opens the configured Redis, else a private one in the data directory, else the memory of this process with a warning.
 * Adds what must be released to `releases`; callers that use the wake-ups close them first, with their own grace
 * period.
 */
export async function openStore(
  config: Config['store'],
  logger: Logger,
  releases: Release[],
  kind?: 'memory',
): Promise<OpenedStore> {
  const { url, directory, appendfsync, prefix, waitReplicas, finishedRetention, finishedCount } = config;
  const onTrouble = oncePerMinute((says) => logger.warn(says));
  if (kind === 'memory' || (url === undefined && !findRedisServer())) {
    const store = createMemoryStore();
    releases.push(() => store.close());
    const wakeups = createMemoryWakeups({ onError: (error, job) => onTrouble(`${job.queue} ${job.id}: ${error}`) });
    releases.push(() => wakeups.close(0));
    const missing =
      'No redis-server or valkey-server was found: all data is lost when this process stops, so use it for trials only. ' +
      'Install one (`apt-get install redis-server`, `dnf install valkey`, `brew install redis`) or set REDIS_URL.';
    return {
      store,
      wakeups,
      workers: async () => 0,
      now: Date.now,
      outlives: false,
      shared: false,
      trouble: () => undefined,
      warnings: kind === 'memory' ? [] : [missing],
    };
  }
  let shared = false;
  let trouble: OpenedStore['trouble'] = () => undefined;
  let name = 'redis';
  let address = url;
  if (address === undefined) {
    const own = await startPrivateRedis({ directory, appendfsync, onLog: (says) => logger.debug(says), onTrouble });
    releases.push(() => own.close());
    address = own.url;
    name = 'private redis';
    shared = own.shared;
    trouble = own.trouble;
  }
  const target = redisTarget(address);
  const store = await createRedisStore({
    target,
    kind: name,
    prefix,
    waitReplicas,
    finishedRetentionMs: finishedRetention,
    finishedCount,
    onTrouble,
  });
  releases.push(() => store.close());
  const wakeups = createBullWakeups({ connect: (purpose) => target.connect(purpose), prefix, onTrouble });
  releases.push(() => wakeups.close(0));
  const workers = () => wakeups.workers();
  return {
    store,
    wakeups,
    queues: wakeups.queues,
    workers,
    now: () => store.now(),
    outlives: true,
    shared,
    trouble,
    warnings: [],
  };
}
