import { expect, test } from 'vitest';
import { rankOf } from '../../../src/engine/rank.ts';
import { gateway } from '../../../src/gateway/gateway.ts';
import { inTurn, Sessions, type Turn } from '../../../src/gateway/sessions.ts';
import { sharedAnswer } from '../../../src/gateway/shared-answer.ts';
import type { Alert } from '../../../src/incident/alert.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import { type Change, ExchangeError, NotSent } from '../../../src/ports/exchange.ts';
import type { KillSwitch } from '../../../src/ports/kill-switch.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';
import { reply, stubExchange } from '../../support/stub.ts';

/** A promise, and the way to keep it. */
function promised<T>() {
  let keep: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    keep = resolve;
  });
  return { promise, keep };
}

/** A call that ends on request. */
function call(says: string, order: string[]) {
  const { promise, keep } = promised<void>();
  const begin = async () => {
    order.push(says);
    await promise;
  };
  return { begin, end: () => keep() };
}

const never = () => new AbortController().signal;
const turn = (rank: number, openedAt = 0, more: Partial<Turn> = {}): Turn => ({
  rank,
  openedAt,
  signal: never(),
  stillWanted: async () => {},
  ...more,
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('there are no more concurrent calls than sessions', async () => {
  const sessions = new Sessions(2);
  const order: string[] = [];
  const calls = ['a', 'b', 'c'].map((says) => call(says, order));
  const all = calls.map(({ begin }) => sessions.use(turn(1), undefined, begin));
  await settled();
  expect([order, sessions.inUse]).toEqual([['a', 'b'], 2]);
  calls[1]?.end();
  await settled();
  expect([order, sessions.inUse]).toEqual([['a', 'b', 'c'], 2]);
  for (const { end } of calls) end();
  await Promise.all(all);
  expect(sessions.inUse).toBe(0);
});

test('the most basic call comes first, then the oldest incident, then the first call', async () => {
  const sessions = new Sessions(1);
  const order: string[] = [];
  const first = call('first', order);
  const held = sessions.use(turn(3), undefined, first.begin);
  const then = (says: string, rank: number, openedAt: number) =>
    sessions.use(turn(rank, openedAt), undefined, async () => void order.push(says));
  const all = [
    then('touched by users', 3, 1),
    then('a young service', 2, 9),
    then('an old service', 2, 5),
    then('another old service', 2, 5),
    then('the directory', 0, 9),
  ];
  first.end();
  await Promise.all([held, ...all]);
  expect(order.slice(1)).toEqual([
    'the directory',
    'an old service',
    'another old service',
    'a young service',
    'touched by users',
  ]);
});

test('a call that gives up while waiting leaves no gap, and a call that fails returns its session', async () => {
  const sessions = new Sessions(1);
  const order: string[] = [];
  const first = call('first', order);
  const held = sessions.use(turn(1), undefined, first.begin);
  const gone = new AbortController();
  const given = sessions.use(turn(1), gone.signal, call('given up', order).begin);
  const failing = sessions.use(turn(1), undefined, () => Promise.reject(new Error('it failed')));
  gone.abort(new Error('the lease was lost'));
  await expect(given).rejects.toThrow('the lease was lost');
  first.end();
  await held;
  await expect(failing).rejects.toThrow('it failed');
  expect([order, sessions.inUse]).toEqual([['first'], 0]);
  await expect(sessions.use(turn(1), AbortSignal.abort(new Error('too late')), first.begin)).rejects.toThrow(
    'too late',
  );
});

const CHANGE: Change = { notAfter: 1, caller: 'test', scope: [] };
const ON: KillSwitch = { on: true, scope: {}, by: 'yuki', reason: '', since: 0 };

/** A gateway with one session, which a slow probe holds until `free`. */
async function busyWaist(more: { switches?: KillSwitch[]; now?: () => number } = {}) {
  const order: string[] = [];
  const probe = call('probe', order);
  const sent: Change[] = [];
  const exchange = gateway(
    stubExchange({
      invokeProbe: async () => {
        await probe.begin();
        return reply(undefined);
      },
      serverHealth: async (server: string) => {
        order.push(`look at ${server}`);
        return reply([]);
      },
      restartService: async (server: string, _name: string, _fence: unknown, change: Change) => {
        order.push(`restart on ${server}`);
        sent.push(change);
        return reply({ effect: 'changed' as const });
      },
    }),
    {
      mode: 'auto',
      services: ['MSExchangeIMAP4'],
      self: [],
      callTimeLimit: 60_000,
      sessions: new Sessions(1),
      notAfter: () => (more.now?.() ?? 0) + 30_000,
    },
    async () => more.switches ?? [],
    () => {},
  );
  const held = inTurn(turn(0), () => exchange.invokeProbe('mbx1', 'p'));
  await settled();
  const restart = () => exchange.restartService('cas1', 'MSExchangeIMAP4', { startedAt: 1 }, CHANGE);
  async function free() {
    probe.end();
    await held;
  }
  return { exchange, order, sent, restart, free };
}

test('a change is sent before every waiting read, and its deadline starts only then', async () => {
  let now = 0;
  const w = await busyWaist({ now: () => now });
  const looks = ['mbx2', 'mbx3'].map((server) => inTurn(turn(0), () => w.exchange.serverHealth(server)));
  const restart = inTurn(turn(9), w.restart);
  now = 500_000;
  await w.free();
  await Promise.all([restart, ...looks]);
  expect(w.order).toEqual(['probe', 'restart on cas1', 'look at mbx2', 'look at mbx3']);
  expect(w.sent.map(({ notAfter }) => notAfter)).toEqual([530_000]);
});

test('a kill switch that came on while a change waited for its session stops it', async () => {
  const switches: KillSwitch[] = [];
  const w = await busyWaist({ switches });
  const restart = inTurn(turn(1), w.restart);
  await settled();
  switches.push(ON);
  const stopped = expect(restart).rejects.toThrow(NotSent);
  await w.free();
  await stopped;
  expect(w.sent).toEqual([]);
});

test('so does a cancellation, or another worker that took over', async () => {
  const w = await busyWaist();
  const cancelled = turn(1, 0, { stillWanted: () => Promise.reject(new NotSent('cancelled by yuki')) });
  const stopped = expect(inTurn(cancelled, w.restart)).rejects.toThrow('cancelled by yuki');
  await w.free();
  await stopped;
  await inTurn(cancelled, w.restart);
  expect(w.sent.length).toBe(1); // it did not wait, so nothing can have happened
});

test('an incident waits for its session as long as it takes, other callers as long as their call may take', async () => {
  const w = await busyWaist();
  const limits = { timeLimit: 20 };
  const look = inTurn(turn(1), () => w.exchange.serverHealth('mbx2', limits));
  const readiness = w.exchange.serverHealth('mbx3', limits);
  await expect(readiness).rejects.toMatchObject({ code: 'sessionLimit' });
  await w.free();
  await expect(look).resolves.toMatchObject({ value: [] });
  expect(w.order).toEqual(['probe', 'look at mbx2']);
});

test('concurrent and soon following callers get one answer, and each waits only within its own limits', async () => {
  let asked = 0;
  const { promise, keep } = promised<string>();
  const ask = sharedAnswer(() => {
    asked += 1;
    return promise;
  });
  const gone = new AbortController();
  const all = [ask(), ask()];
  const impatient = expect(ask({ timeLimit: 5 })).rejects.toBeInstanceOf(ExchangeError);
  const leaving = expect(ask({ signal: gone.signal })).rejects.toThrow('not mine any more');
  gone.abort(new Error('not mine any more'));
  await Promise.all([impatient, leaving]);
  keep('nine servers');
  expect(await Promise.all(all)).toEqual(['nine servers', 'nine servers']);
  expect(await ask()).toBe('nine servers');
  expect(asked).toBe(1);
});

test('a failure is passed only to waiting callers', async () => {
  let asked = 0;
  const ask = sharedAnswer(async () => {
    asked += 1;
    if (asked === 1) throw new ExchangeError('unreachable', 'away');
    return 'there again';
  });
  await expect(ask()).rejects.toThrow('away');
  expect(await ask()).toBe('there again');
});

const HELD = { at: 0, guard: 'common-cause', reason: 'others-unseen', says: '' } as NonNullable<Incident['held']>;
const alerted = (healthSet?: string) => ({ healthSet }) as Alert;

/** From what is served first to what is served last. */
const RANKS: [says: string, incident: Parameters<typeof rankOf>[1]][] = [
  ['something that everything depends on', { alerts: [alerted('IMAP'), alerted('AD')], family: 'AD' }],
  ['a resource', { alerts: [alerted('DiskSpace')], family: 'DiskSpace' }],
  ['a service, known from the family of its child incident', { alerts: [], family: 'EDS' }],
  ['what users touch', { alerts: [alerted('IMAP')], family: 'IMAP' }],
  ['an unknown family', { alerts: [alerted()], family: '*' }],
  ['something that everything depends on, held by a guard', { alerts: [alerted('AD')], family: 'AD', held: HELD }],
  ['a resource, held by a guard', { alerts: [alerted('DiskSpace')], family: 'DiskSpace', held: HELD }],
];

test('most basic first, and incidents held by a guard after all others', () => {
  const catalog = loadCatalog('config/health-sets.yaml');
  const ranks = RANKS.map(([, incident]) => rankOf(catalog, incident));
  expect(ranks).toEqual([...new Set(ranks)].sort((a, b) => a - b));
});
