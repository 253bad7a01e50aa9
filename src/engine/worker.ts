import { setTimeout as pause } from 'node:timers/promises';
import { atMost } from '../lib/deadline.ts';
import { stopwatch } from '../lib/stopwatch.ts';
import type { Head } from '../ports/journal.ts';
import { advance } from './advance.ts';
import type { Advanced } from './advancing.ts';
import { defect } from './finish/escalation.ts';
import { correlate } from './intake/correlate.ts';
import type { Engine } from './parts.ts';

/** Heartbeats in the time of a lease: two may get lost before it is. */
const BEATS = 3.3;
/** Real milliseconds. A worker that dies is noticed when its lease has run out and the sweep comes by. */
const SWEEP_EVERY = 1_000;
/** Only a lab that runs fast has such waits; in real time the shortest is seconds. */
const SHORT_WAIT = 100;
/** What has been due for so long has lost its wake-up. */
const OVERDUE = 1_500;
const SWEEP_LIMIT = 500;
const LONG_QUEUE = 50;
/** Placing an alert is a few quick round trips: many at once fill each journal entry in a storm. */
const ALERTS_AT_ONCE = 64;
/** Failures in a row, of more than a minute, after which a person is told: a store that is slow for a while is no defect. */
const DEFECT = 5;
/** The longest pause between two tries. */
const SLOWEST_RETRY = 5 * 60_000;
/** The same matter is nudged again by the sweep only after this long: it may stand in a long queue. */
const NUDGE_AGAIN = 5_000;

export interface Worker {
  start(concurrency: number): Promise<void>;
  /** Stops taking work; what is in hand is finished or dropped within `graceMs`, to be resumed elsewhere. */
  stop(graceMs: number): Promise<void>;
}

/** Takes nudges from the queues, holds the lease while an incident advances, and sweeps for lost wake-ups. */
export function createWorker(engine: Engine): Worker {
  const { store, wakeups, log } = engine;
  const lasts = engine.settings.lease;
  const stopping = new AbortController();
  /** What was nudged, and how long ago. */
  const nudged = new Map<string, () => number>();
  /** Failures in a row of advancing an incident, as far as this process saw them. */
  const failures = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let sweeping: Promise<void> = Promise.resolve();

  async function incident(id: string): Promise<void> {
    let sinceGranted = stopwatch();
    const lease = await store.lease(id, engine.worker, lasts);
    // Another worker has it, and is told at the end that there was news.
    if (!lease) return;
    const lost = new AbortController();
    const signal = AbortSignal.any([lost.signal, stopping.signal]);
    const heartbeat = setInterval(() => {
      const sinceAsked = stopwatch();
      store.renew(id, lease.token, lasts).then(
        (kept) => {
          if (kept) sinceGranted = sinceAsked;
          else lost.abort(new Error('another worker has taken over'));
        },
        (error) => log.warn('Failed to renew the lease of an incident', { incident: id, error: String(error) }),
      );
    }, lasts / BEATS);
    // A process or a machine that stood still goes on where it was, before any heartbeat can tell it what it missed.
    function stillMine(): void {
      if (sinceGranted() > lasts) lost.abort(new Error('the lease expired while this worker was suspended'));
      signal.throwIfAborted();
    }
    async function confirm(head: Head): Promise<void> {
      if (!(await store.confirm(id, head, lease?.token))) lost.abort(new Error('another worker has taken over'));
    }
    let went: (Advanced & { rank?: number }) | undefined;
    try {
      went = await advanceAwhile(engine, id, signal, stillMine, confirm);
      failures.delete(id);
      if (went.is === 'unknown') await engine.watch.missing(id);
    } catch (error) {
      if (!signal.aborted)
        went = { is: 'waiting', until: engine.clock.now() + (await failed(id, error)) * engine.clock.speed };
    } finally {
      clearInterval(heartbeat);
    }
    const due = went === undefined ? engine.realNow() : dueAt(engine, went);
    const news = await store.release(id, lease.token, due);
    const priority = went?.rank;
    if (news) await wakeups.incident(id, 0, priority);
    else if (went !== undefined && due !== null)
      await wakeups.incident(id, Math.max(0, due - engine.realNow()), priority);
  }

  /**
   * Something escaped that no rule foresees. It is tried again, ever more slowly; a person is told when it does not pass
   * while the store answers. Answers the real milliseconds until the next try.
   */
  async function failed(id: string, error: unknown): Promise<number> {
    const times = (failures.get(id) ?? 0) + 1;
    log.error('Failed to advance an incident; it is tried again', { incident: id, times, error: describe(error) });
    const { up } = await store.health();
    if (!up) return NUDGE_AGAIN;
    failures.set(id, times);
    if (times === DEFECT)
      await engine
        .notify(defect(id, error))
        .catch((why) => log.error('Failed to notify anyone of a defect', { incident: id, error: String(why) }));
    return Math.min(NUDGE_AGAIN * 2 ** (times - 1), SLOWEST_RETRY);
  }

  async function sweep(): Promise<void> {
    const now = engine.realNow();
    for (const [what, ago] of nudged) if (ago() > NUDGE_AGAIN) nudged.delete(what);
    const fresh = (ids: string[]) => ids.filter((id) => !nudged.has(id));
    // What stands in a long queue is late, not lost: more nudges would only make it longer.
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

/** Advances, and sits out waits that are shorter than handing the incident over and taking it up again would take. */
async function advanceAwhile(
  engine: Engine,
  id: string,
  signal: AbortSignal,
  stillMine: () => void,
  confirm: (head: Head) => Promise<void>,
): ReturnType<typeof advance> {
  for (;;) {
    const went = await advance(engine, id, signal, stillMine, confirm);
    const wait = (dueAt(engine, went) ?? Number.POSITIVE_INFINITY) - engine.realNow();
    if (went.is !== 'sleeping' || wait > SHORT_WAIT) return went;
    await pause(wait, undefined, { signal });
  }
}

/** When to come again, in real time; null: never. */
function dueAt(engine: Engine, went: Advanced): number | null {
  if (went.is === 'finished' || went.is === 'unknown') return null;
  const { clock } = engine;
  return engine.realNow() + Math.max(0, (went.until - clock.now()) / clock.speed);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
