import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMemoryStore } from '../../../src/adapters/memory/store.ts';
import { createMemoryWakeups } from '../../../src/adapters/memory/wakeups.ts';
import type { Engine } from '../../../src/engine/parts.ts';
import { createWorker, type Worker } from '../../../src/engine/worker.ts';
import { fold } from '../../../src/incident/fold.ts';
import type { VerifyResult } from '../../../src/incident/health.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import type { Notice } from '../../../src/ports/notifier.ts';
import type { Store } from '../../../src/ports/store.ts';
import { around } from '../../support/around.ts';
import { bench } from '../../support/engine.ts';
import { journalOf } from '../../support/journal.ts';
import { alertOf } from '../../support/stub.ts';

/**
 * The worker with fake timers: what wakes it, how two of them stay apart, and how it stops. Incidents don't matter:
 * their single verification is scripted and ends them.
 */
const workers: Worker[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(async () => {
  const stopping = workers.splice(0).map((worker) => worker.stop(0));
  await vi.advanceTimersByTimeAsync(1);
  await Promise.all(stopping);
  vi.useRealTimers();
});

const SECOND = 1000;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

const ENDS: VerifyResult = { verdict: 'inconclusive', reason: 'gone', monitors: [], evidence: [], hopeless: true };
const BLIND: VerifyResult = { verdict: 'inconclusive', reason: 'not seen', monitors: [], evidence: [] };

interface Site {
  store: Store;
  /** When each verification began (ms since the start), and by which worker. */
  looks: { at: number; by: string }[];
  notices: Notice[];
  errors: { message: string; fields: Record<string, unknown> | undefined }[];
  engine(name: string, more?: Partial<Engine>): Engine;
  start(engine: Engine): Promise<Worker>;
  /** Opens an incident whose wake-up is lost. */
  open(id: string): Promise<void>;
  incident(id: string): Promise<Incident>;
}

/** One store, and any number of workers. `look` scripts the verification. */
function site(look: (times: number, by: string) => Promise<VerifyResult> | VerifyResult = () => ENDS): Site {
  const began = Date.now();
  const store = createMemoryStore({ now: () => Date.now() });
  const { engine: plain } = bench();
  const looks: Site['looks'] = [];
  const notices: Notice[] = [];
  const errors: Site['errors'] = [];
  return {
    store,
    looks,
    notices,
    errors,
    engine: (name, more = {}) => ({
      ...plain,
      store,
      wakeups: createMemoryWakeups(),
      clock: { now: () => Date.now(), speed: 1, epoch: 'contoso.com' },
      realNow: () => Date.now(),
      verifier: {
        ...plain.verifier,
        async family() {
          looks.push({ at: Date.now() - began, by: name });
          return look(looks.length, name);
        },
      },
      notify: async (notice) => void notices.push(notice),
      log: { ...plain.log, error: (message, fields) => void errors.push({ message, fields }) },
      worker: name,
      ...more,
    }),
    async start(engine) {
      const worker = createWorker(engine);
      workers.push(worker);
      await worker.start(4);
      return worker;
    },
    async open(id) {
      const opened = await store.append(
        id,
        { seq: 0, hash: '' },
        { type: 'opened', data: { id, server: id, family: 'IMAP' } },
        { at: Date.now(), worker: 'test', due: Date.now(), opening: { key: id, server: id, family: 'IMAP' } },
      );
      expect(opened.ok).toBe(true);
    },
    async incident(id) {
      const journal = await journalOf(store, id);
      if (!journal) throw new Error(`no incident ${id}`);
      return fold(journal.entries);
    },
  };
}

/** A verification that runs until the test ends it. */
function gate() {
  let open: (verified: VerifyResult) => void = () => {};
  const looked = new Promise<VerifyResult>((resolve) => {
    open = resolve;
  });
  return { looked, open };
}

describe('what wakes a worker', () => {
  test('a nudge, immediately', async () => {
    const s = site();
    const engine = s.engine('a');
    await s.open('mbx1');
    await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(1);
    expect((await s.incident('mbx1')).finished?.outcome).toBe('escalated');
  });

  test('the sweep, if the wake-up of an incident was lost', async () => {
    const s = site();
    await s.open('mbx1');
    await s.start(s.engine('a'));
    await pass(1 * SECOND);
    expect((await s.incident('mbx1')).finished).toBeUndefined();
    await pass(2 * SECOND);
    expect((await s.incident('mbx1')).finished?.outcome).toBe('escalated');
  });

  test('the sweep, if the wake-up of an alert was lost', async () => {
    const s = site();
    await s.store.accept([alertOf({ receivedAt: Date.now() })], 60 * SECOND);
    await s.start(s.engine('a'));
    await pass(4 * SECOND);
    const { ids } = await s.store.list({ limit: 10 });
    expect(ids).toHaveLength(1);
    expect((await s.incident(ids[0] ?? '')).alerts.map(({ id }) => id)).toEqual(['a1']);
  });

  test('the end of a sleep, and nothing before', async () => {
    const s = site((times) => (times === 1 ? BLIND : ENDS));
    const engine = s.engine('a');
    await s.open('mbx1');
    await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(59 * SECOND);
    expect(s.looks.map(({ at }) => at)).toEqual([0]);
    await pass(2 * SECOND);
    expect(s.looks.map(({ at }) => at)).toEqual([0, 60 * SECOND]);
  });

  test('nothing, for an incident that has ended', async () => {
    const s = site();
    const engine = s.engine('a');
    await s.open('mbx1');
    await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(1);
    await engine.wakeups.incident('mbx1');
    await engine.wakeups.incident('no-such-incident');
    await pass(30 * SECOND);
    expect(s.looks).toHaveLength(1);
    expect(s.errors).toEqual([]);
  });
});

describe('two workers', () => {
  test('only one of them advances an incident at a time, however long it takes', async () => {
    const slow = gate();
    const s = site(() => slow.looked);
    const [a, b] = [s.engine('a'), s.engine('b')];
    await s.open('mbx1');
    await s.start(a);
    await s.start(b);
    await a.wakeups.incident('mbx1');
    await pass(1);
    await b.wakeups.incident('mbx1');
    // Far longer than a lease: the heartbeat distinguishes slow from dead.
    await pass(60 * SECOND);
    expect(s.looks.map(({ by }) => by)).toEqual(['a']);
    slow.open(ENDS);
    await pass(1);
    expect((await s.incident('mbx1')).finished).toBeDefined();
    expect(s.looks).toHaveLength(1);
  });

  test('news that arrives just before a release is handled immediately, by the same worker', async () => {
    const s = site((times) => (times === 1 ? BLIND : ENDS));
    let told = false;
    const store = around(s.store, 'release', (release) => async (id, token, due) => {
      const journal = await journalOf(s.store, id);
      if (!told && journal) {
        told = true;
        const alerts = [alertOf({ status: 'resolved' })];
        await s.store.append(id, journal.head, { type: 'attached', data: { alerts } }, { at: Date.now(), worker: 'b' });
        await s.store.nudge(id, Date.now());
      }
      return release(id, token, due);
    });
    const a = s.engine('a', { store });
    await s.open('mbx1');
    await s.start(a);
    await a.wakeups.incident('mbx1');
    await pass(1);
    expect(s.looks.map(({ at }) => at)).toEqual([0, 0]);
  });

  test('the incidents of a dead worker are taken over within ten seconds; if it was only slow, it changes nothing', async () => {
    const dead = gate();
    const s = site((_times, by) => (by === 'a' ? dead.looked : ENDS));
    // Its heartbeat does not arrive, and it does not check.
    const silent = around(
      around(s.store, 'renew', () => () => new Promise<boolean>(() => {})),
      'overdue',
      () => async () => [],
    );
    const a = s.engine('a', { store: silent });
    await s.open('mbx1');
    await s.start(a);
    await a.wakeups.incident('mbx1');
    await pass(1);
    await s.start(s.engine('b'));
    await pass(10 * SECOND);
    expect(s.looks.map(({ by }) => by)).toEqual(['a', 'b']);
    const ended = await journalOf(s.store, 'mbx1');
    expect(ended?.entries.at(-1)).toMatchObject({ type: 'finished', worker: 'b' });
    dead.open(BLIND);
    await pass(SECOND);
    expect(await journalOf(s.store, 'mbx1')).toEqual(ended);
    expect(s.errors).toEqual([]);
  });
});

describe('an unexpected error', () => {
  test('is logged with the incident, and the advance is retried', async () => {
    const s = site((times) => {
      if (times === 1) throw new TypeError('undefined is not a function');
      return ENDS;
    });
    const engine = s.engine('a');
    await s.open('mbx1');
    await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(1);
    expect(s.errors).toEqual([
      {
        message: 'Failed to advance an incident; it will be retried',
        fields: expect.objectContaining({ incident: 'mbx1', error: expect.stringContaining('TypeError') }),
      },
    ]);
    await pass(10 * SECOND);
    expect((await s.incident('mbx1')).finished).toBeDefined();
  });

  test('does not delay other incidents', async () => {
    const s = site((times) => {
      if (times === 1) throw new TypeError('undefined is not a function');
      return ENDS;
    });
    const engine = s.engine('a');
    await s.open('mbx1');
    await s.open('mbx2');
    await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await engine.wakeups.incident('mbx2');
    await pass(1);
    expect((await s.incident('mbx1')).finished).toBeUndefined();
    expect((await s.incident('mbx2')).finished).toBeDefined();
  });

  test('that persists is reported to a person once, and retried at increasing intervals', async () => {
    const s = site(() => {
      throw new TypeError('undefined is not a function');
    });
    await s.open('mbx1');
    await s.start(s.engine('a'));
    await pass(1000 * SECOND);
    expect(s.notices.map(({ incident }) => incident)).toEqual(['mbx1']);
    const pauses = s.looks.slice(1).map(({ at }, index) => at - (s.looks[index]?.at ?? 0));
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(300 * SECOND);
  });
});

describe('stopping', () => {
  /** Whether a promise is fulfilled by now. */
  async function isOver(promise: Promise<unknown>): Promise<boolean> {
    let over = false;
    void promise.then(() => {
      over = true;
    });
    await pass(0);
    return over;
  }

  test('waits for work in progress, and no longer', async () => {
    const slow = gate();
    const s = site(() => slow.looked);
    const engine = s.engine('a');
    await s.open('mbx1');
    const worker = await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(1);
    const stopped = worker.stop(10 * SECOND);
    await pass(5 * SECOND);
    expect(await isOver(stopped)).toBe(false);
    slow.open(ENDS);
    await pass(1);
    expect(await isOver(stopped)).toBe(true);
  });

  test('releases dropped work to another worker immediately', async () => {
    const slow = gate();
    const s = site((times) => (times === 1 ? slow.looked : ENDS));
    const engine = s.engine('a');
    await s.open('mbx1');
    const worker = await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(1);
    const stopped = worker.stop(10 * SECOND);
    slow.open(BLIND);
    await pass(1);
    await stopped;
    expect((await journalOf(s.store, 'mbx1'))?.entries.map(({ type }) => type)).toEqual(['opened']);
    const b = s.engine('b');
    await s.start(b);
    await b.wakeups.incident('mbx1');
    await pass(1);
    expect((await s.incident('mbx1')).finished).toBeDefined();
    expect(s.errors).toEqual([]);
  });

  test('never takes longer than the grace period, even if a call never ends', async () => {
    const s = site(() => new Promise<VerifyResult>(() => {}));
    const engine = s.engine('a');
    await s.open('mbx1');
    const worker = await s.start(engine);
    await engine.wakeups.incident('mbx1');
    await pass(1);
    const stopped = worker.stop(10 * SECOND);
    await pass(10 * SECOND);
    expect(await isOver(stopped)).toBe(true);
  });

  test('never takes longer than the grace period, even if the store does not answer a sweep', async () => {
    const s = site();
    let away = false;
    const silent = around(
      s.store,
      'overdue',
      (overdue) => (before, limit) => (away ? new Promise<string[]>(() => {}) : overdue(before, limit)),
    );
    const worker = await s.start(s.engine('a', { store: silent }));
    away = true;
    await pass(2 * SECOND);
    const stopped = worker.stop(10 * SECOND);
    await pass(10 * SECOND);
    const over = await isOver(stopped);
    workers.pop();
    expect(over).toBe(true);
  });

  test('ends the sweeps', async () => {
    const s = site();
    const worker = await s.start(s.engine('a'));
    await worker.stop(0);
    await s.open('mbx1');
    await pass(60 * SECOND);
    expect(s.looks).toEqual([]);
  });
});
