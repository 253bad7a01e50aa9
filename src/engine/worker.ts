import { setTimeout as pause } from 'node:timers/promises';
import { atMost } from '../lib/deadline.ts';
import { stopwatch } from '../lib/stopwatch.ts';
import type { Head } from '../ports/journal.ts';
import { advance } from './advance.ts';
import type { Advanced } from './advancing.ts';
import { bugNotice } from './finish/escalation.ts';
import { correlate } from './intake/correlate.ts';
import type { Engine } from './parts.ts';

/** Heartbeats per lease: two may get lost before the lease is. */
const BEATS = 3.3;
/** Real milliseconds. A worker that died is noticed when its lease has expired and the sweep runs. */
const SWEEP_EVERY = 1_000;
/** Waits this short (ms) occur only in a fast lab; in real time the shortest is seconds. */
const SHORT_WAIT = 100;
/** Something overdue by this much (ms) has lost its wake-up. */
const OVERDUE = 1_500;
const SWEEP_LIMIT = 500;
const LONG_QUEUE = 50;
/** Correlating an alert takes a few quick round trips; many in parallel fill each journal entry in a storm. */
const ALERTS_AT_ONCE = 64;
/**
 * Consecutive failures (more than a minute) after which people are notified: a store that is slow for a while is no
 * bug.
 */
const BUG_AFTER = 5;
/** The longest pause between two tries (ms). */
const SLOWEST_RETRY = 5 * 60_000;
/** The sweep queues the same job again only after this long (ms), because it may be waiting in a long queue. */
const NUDGE_AGAIN = 5_000;

export interface Worker {
  start(concurrency: number): Promise<void>;
  /** Stops taking work. Work in progress is finished or dropped within `graceMs`, to be resumed elsewhere. */
  stop(graceMs: number): Promise<void>;
}

/** Takes jobs from the queues, holds the lease while an incident advances, and sweeps for lost wake-ups. */
export function createWorker(engine: Engine): Worker {
  const { store, wakeups, log } = engine;
  const leaseMs = engine.settings.lease;
  const stopping = new AbortController();
  /** Jobs queued by the sweep, and how long ago. */
  const nudged = new Map<string, () => number>();
  /** Consecutive failures to advance an incident, as far as this process saw them. */
  const failures = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let sweeping: Promise<void> = Promise.resolve();

  async function incident(id: string): Promise<void> {
    let sinceGranted = stopwatch();
    const lease = await store.lease(id, engine.worker, leaseMs);
    // Another worker has it; when it releases the lease, it learns that there was news.
    if (!lease) return;
    const lost = new AbortController();
    const signal = AbortSignal.any([lost.signal, stopping.signal]);
    const heartbeat = setInterval(() => {
      const sinceAsked = stopwatch();
      store.renew(id, lease.token, leaseMs).then(
        (kept) => {
          if (kept) sinceGranted = sinceAsked;
          else lost.abort(new Error('another worker has taken over'));
        },
        (error) => log.warn('Failed to renew the lease of an incident', { incident: id, error: String(error) }),
      );
    }, leaseMs / BEATS);
    // A suspended process or machine resumes where it was, before any heartbeat can report what it missed.
    function stillMine(): void {
      if (sinceGranted() > leaseMs) lost.abort(new Error('the lease expired while this worker was suspended'));
      signal.throwIfAborted();
    }
    async function confirm(head: Head): Promise<void> {
      if (!(await store.confirm(id, head, lease?.token))) lost.abort(new Error('another worker has taken over'));
    }
    let advanced: (Advanced & { rank?: number }) | undefined;
    try {
      advanced = await advanceAwhile(engine, id, signal, stillMine, confirm);
      failures.delete(id);
      if (advanced.is === 'unknown') await engine.watch.missing(id);
    } catch (error) {
      if (!signal.aborted)
        advanced = { is: 'waiting', until: engine.clock.now() + (await failed(id, error)) * engine.clock.speed };
    } finally {
      clearInterval(heartbeat);
    }
    const due = advanced === undefined ? engine.realNow() : dueAt(engine, advanced);
    const news = await store.release(id, lease.token, due);
    const priority = advanced?.rank;
    if (news) await wakeups.incident(id, 0, priority);
    else if (advanced !== undefined && due !== null)
      await wakeups.incident(id, Math.max(0, due - engine.realNow()), priority);
  }

  /**
   * Handles an unexpected error. The incident is retried at increasing intervals; people are notified if the error
   * persists while the store answers. Returns the real milliseconds until the next try.
   */
  async function failed(id: string, error: unknown): Promise<number> {
    const times = (failures.get(id) ?? 0) + 1;
    log.error('Failed to advance an incident; it will be retried', { incident: id, times, error: describe(error) });
    const { up } = await store.health();
    if (!up) return NUDGE_AGAIN;
    failures.set(id, times);
    if (times === BUG_AFTER)
      await engine
        .notify(bugNotice(id, error))
        .catch((why) => log.error('Failed to notify anyone of a bug', { incident: id, error: String(why) }));
    return Math.min(NUDGE_AGAIN * 2 ** (times - 1), SLOWEST_RETRY);
  }

  async function sweep(): Promise<void> {
    const now = engine.realNow();
    for (const [what, ago] of nudged) if (ago() > NUDGE_AGAIN) nudged.delete(what);
    const fresh = (ids: string[]) => ids.filter((id) => !nudged.has(id));
    // Jobs in a long queue are late, not lost: more of them would only make it longer.
    const counts = await wakeups.counts();
    const isLong = (queue: string) =>
      counts.some((one) => one.queue === queue && one.state === 'waiting' && one.jobs > LONG_QUEUE);
    const alerts = isLong('alerts') ? [] : fresh(await store.pendingAlerts(now - OVERDUE, SWEEP_LIMIT));
    const incidents = isLong('incidents') ? [] : fresh(await store.overdue(now - OVERDUE, SWEEP_LIMIT));
    for (const id of [...alerts, ...incidents]) nudged.set(id, stopwatch());
    if (alerts.length > 0) await wakeups.alerts(alerts);
    for (const id of incidents) await wakeups.incident(id);
    if (alerts.length + incidents.length > 0) {
      log.debug('The sweep queued overdue alerts and incidents', {
        alerts: alerts.length,
        incidents: incidents.length,
      });
    }
  }

  function sweepLater(): void {
    timer = setTimeout(() => {
      sweeping = sweep()
        .catch((error) => log.warn('The sweep failed', { error: String(error) }))
        .finally(() => stopping.signal.aborted || sweepLater());
    }, SWEEP_EVERY);
  }

  return {
    async start(concurrency) {
      await wakeups.work(
        { alert: (id) => correlate(engine, id), incident },
        { alerts: ALERTS_AT_ONCE, incidents: concurrency },
      );
      await sweep();
      sweepLater();
    },
    async stop(graceMs) {
      clearTimeout(timer);
      stopping.abort(new Error('the daemon is stopping'));
      await Promise.all([wakeups.close(graceMs), atMost(graceMs, sweeping)]);
    },
  };
}

/** Advances an incident. Waits in place if the wait is shorter than handing the incident over would take. */
async function advanceAwhile(
  engine: Engine,
  id: string,
  signal: AbortSignal,
  stillMine: () => void,
  confirm: (head: Head) => Promise<void>,
): ReturnType<typeof advance> {
  for (;;) {
    const advanced = await advance(engine, id, signal, stillMine, confirm);
    const wait = (dueAt(engine, advanced) ?? Number.POSITIVE_INFINITY) - engine.realNow();
    if (advanced.is !== 'sleeping' || wait > SHORT_WAIT) return advanced;
    await pause(wait, undefined, { signal });
  }
}

/** When the incident is due next, in real time; null: never. */
function dueAt(engine: Engine, advanced: Advanced): number | null {
  if (advanced.is === 'finished' || advanced.is === 'unknown') return null;
  const { clock } = engine;
  return engine.realNow() + Math.max(0, (advanced.until - clock.now()) / clock.speed);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
