/** What a daemon remembers about its store, and what it does when the store has lost it. */
import { describe, expect, it } from 'vitest';
import { STORE_LOSSES, type StoreLossKind, StoreWatch } from '../../../src/engine/store-watch.ts';
import { fold } from '../../../src/incident/fold.ts';
import type { Notice } from '../../../src/ports/notifier.ts';
import type { Recognised, Store } from '../../../src/ports/store.ts';
import { type Bench, bench } from '../../support/engine.ts';
import { journalOf } from '../../support/journal.ts';

const SAME: Recognised = { is: 'same', older: false, evicted: false };

interface Scene {
  watch: StoreWatch;
  bench: Bench;
  /** The incident so far: mbx1 is drained. */
  id: string;
  notices: Notice[];
  lost: StoreLossKind[];
  errors: string[];
  /** What the next checks find. */
  found: Recognised[];
  /** The channel that reaches people; undefined: none. */
  reach: { people: boolean };
  /** Removes data from the store, as if someone had deleted its keys. */
  forget: { journals: Set<string>; ledger: boolean; due: boolean };
}

/** A daemon that has drained mbx1, on a store that can lose what it holds. */
async function scene(until: 'opened' | 'drained' = 'drained'): Promise<Scene> {
  const forget = { journals: new Set<string>(), ledger: false, due: false };
  const found: Recognised[] = [];
  let carried: Parameters<Store['recognise']>[0] = [];
  const aroundStore = (store: Store): Store =>
    Object.assign(Object.create(Object.getPrototypeOf(store)) as Store, bound(store), {
      page: async (id: string, ...of: [number?, number?]) =>
        forget.journals.has(id) ? undefined : store.page(id, ...of),
      ledger: async () => (forget.ledger ? [] : store.ledger()),
      recognise: async (switches: Parameters<Store['recognise']>[0]) => {
        const next = found.shift() ?? SAME;
        carried = switches;
        const there = (await store.killSwitches()).map(({ scope }) => JSON.stringify(scope));
        const missing = carried.filter(({ scope }) => !there.includes(JSON.stringify(scope)));
        if (next.is === 'emptied') for (const one of missing) await store.setKillSwitch(one);
        return next;
      },
      standings: async (ids: readonly string[]) =>
        (await store.standings(ids)).map((one, n) =>
          forget.journals.has(ids[n] ?? '') ? undefined : one && { ...one, due: !forget.due },
        ),
    });
  const made = bench({ aroundStore });
  const [notices, lost, errors]: [Notice[], StoreLossKind[], string[]] = [[], [], []];
  const reach = { people: true };
  const watch = new StoreWatch({
    store: made.engine.store,
    worker: 'w1',
    log: { debug() {}, info() {}, warn() {}, error: (says) => errors.push(says) },
    realNow: () => made.lab.clock.now(),
    notify: async (notice) => {
      if (!reach.people) throw new Error('nobody was reached');
      notices.push(notice);
    },
    onLoss: (what) => lost.push(what),
  });
  made.engine.watch = watch;
  made.engine.onEntry = (incident, _, head) => watch.note(incident, head);
  made.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  const id = await made.alert({ server: 'mbx1', healthSet: 'IMAP.Protocol' });
  if (until === 'drained') await made.run(({ undo }) => undo.length > 0);
  await watch.check();
  return { watch, bench: made, id, notices, lost, errors, found, reach, forget };
}

/** Another daemon on the same store, which knows nothing of it yet. */
const another = ({ bench: made, notices, lost }: Scene) =>
  new StoreWatch({
    store: made.engine.store,
    worker: 'w2',
    log: { debug() {}, info() {}, warn() {}, error() {} },
    realNow: () => 0,
    notify: async (notice) => void notices.push(notice),
    onLoss: (what) => lost.push(what),
  });

/** Its methods, so that one can be replaced. */
function bound(store: Store): Partial<Store> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(store)) as (keyof Store)[];
  const methods = names.filter((name) => (name as string) !== 'constructor');
  return Object.fromEntries(methods.map((name) => [name, (store[name] as () => unknown).bind(store)]));
}

const emptied: Recognised = { is: 'emptied', older: false, evicted: false };
const everything = ({ bench: { store } }: Scene) => store.killSwitches();

describe('a store that has lost nothing', () => {
  it('is not reported', async () => {
    const at = await scene();
    for (let n = 0; n < 3; n += 1) await at.watch.check();
    expect([at.watch.says, at.notices, at.lost, at.errors]).toEqual([undefined, [], [], []]);
    expect(at.watch.switches()).toEqual([]);
  });

  it('is not reported when an incident has ended and was removed by retention', async () => {
    const at = await scene();
    await at.bench.run();
    expect((await at.bench.incident(at.id)).finished?.outcome).toBe('recovered');
    at.forget.journals.add(at.id);
    await at.watch.check();
    await at.watch.missing(at.id);
    expect([at.watch.says, at.errors]).toEqual([undefined, []]);
  });

  it('is not reported when another daemon has ended the incident', async () => {
    const at = await scene();
    at.bench.engine.onEntry = () => {};
    await at.bench.run();
    await at.watch.check();
    at.forget.journals.add(at.id);
    await at.watch.missing(at.id);
    expect([at.watch.says, at.errors]).toEqual([undefined, []]);
  });
});

describe('a store that was emptied', () => {
  it('stops everything, and people are notified which servers are left changed', async () => {
    const at = await scene();
    at.found.push(emptied);
    await at.watch.check();
    expect(at.lost).toEqual(['emptied']);
    expect(at.watch.says).toMatch(
      /^The store was emptied.*left changed: mbx1: activation of databases on mbx1 is blocked/,
    );
    expect(at.watch.says).toMatch(/mbx1: Restart-Service, Set-MailboxServer sent by incident/);
    expect(at.notices).toMatchObject([{ kind: 'escalation', text: expect.stringMatching(/ {2}- mbx1: activation/) }]);
    expect(at.errors.join()).toMatch(/The store was emptied/);
    expect(await everything(at)).toMatchObject([{ on: true, scope: {}, reason: at.watch.says }]);
  });

  it('names changes left by finished incidents and made by another daemon', async () => {
    const at = await scene();
    const fresh = another(at);
    await fresh.check();
    at.found.push(emptied);
    await fresh.check();
    expect(fresh.says).toMatch(/mbx1: activation of databases on mbx1 is blocked/);
  });

  it('adds what it knows to the kill switch of a daemon that found the loss first and knew less', async () => {
    const at = await scene();
    const reason = 'The store was emptied. Servers that may be left changed: mbx2: something.';
    const by = 'second-responder: the store';
    await at.bench.store.setKillSwitch({ on: true, scope: {}, by, reason, since: 1 });
    at.found.push(emptied);
    for (let n = 0; n < 3; n += 1) await at.watch.check();
    const [now] = await everything(at);
    expect(now?.reason.match(/mbx2: something|mbx1: activation of databases on mbx1 is blocked/g)).toEqual([
      'mbx2: something',
      'mbx1: activation of databases on mbx1 is blocked',
    ]);
  });

  it('starts again with the kill switches that were on', async () => {
    const at = await scene();
    const scope = { server: 'mbx2' };
    await at.bench.store.setKillSwitch({ on: true, scope, by: 'yuki', reason: 'works there', since: 1 });
    await at.watch.check();
    await at.bench.store.setKillSwitch({ on: false, scope, by: '', reason: '', since: 1 });
    at.found.push(emptied);
    await at.watch.check();
    expect((await everything(at)).map((one) => one.scope)).toContainEqual(scope);
  });

  it('is acknowledged by lifting the kill switch, and reported again if it happens again', async () => {
    const at = await scene();
    at.found.push(emptied);
    await at.watch.check();
    await at.watch.check();
    expect(at.watch.says).toBeDefined();
    await at.bench.store.setKillSwitch({ on: false, scope: {}, by: 'yuki', reason: '', since: 1 });
    await at.watch.check();
    expect(at.watch.says).toBeUndefined();
    at.found.push(emptied);
    await at.watch.check();
    expect(at.lost).toEqual(['emptied', 'emptied']);
    expect(at.watch.says).toBeDefined();
  });

  it('is still reported by a daemon that was started since', async () => {
    const at = await scene();
    at.found.push(emptied);
    await at.watch.check();
    const said: string[] = [];
    const restarted = new StoreWatch({
      store: at.bench.engine.store,
      worker: 'w2',
      log: { debug() {}, info() {}, warn() {}, error: (says) => said.push(says) },
      realNow: () => 0,
      notify: async (notice) => void at.notices.push(notice),
      onLoss() {},
    });
    await restarted.check();
    expect(restarted.says).toMatch(/The store was emptied.*mbx1/);
    expect([said.length, at.notices.length]).toEqual([1, 1]);
  });

  it('is retried until someone could be notified', async () => {
    const at = await scene();
    at.reach.people = false;
    at.found.push(emptied);
    await at.watch.check();
    await Promise.resolve();
    expect(at.errors.join()).toMatch(/Failed to notify/);
    expect(at.notices).toEqual([]);
    expect(at.watch.says).toBeDefined();
  });
});

describe('another store at the same address', () => {
  const other: Recognised = { is: 'other', older: false, evicted: false };

  it('is left alone: nothing is written to it, and nothing is changed on any server', async () => {
    const at = await scene();
    at.found.push(other, other);
    await at.watch.check();
    await at.watch.check();
    expect(at.lost).toEqual(['other']);
    expect(at.watch.says).toMatch(/^The store at this address is not the one/);
    expect(await everything(at)).toEqual([]);
    expect(at.watch.switches()).toMatchObject([{ on: true, scope: {} }]);
  });

  it('is over when the known store is back', async () => {
    const at = await scene();
    at.found.push(other);
    await at.watch.check();
    await at.watch.check();
    expect([at.watch.says, at.watch.switches()]).toEqual([undefined, []]);
  });
});

describe('the journal of an open incident that is gone', () => {
  it('is found by the check, and the server is named', async () => {
    const at = await scene();
    at.forget.journals.add(at.id);
    await at.watch.check();
    expect(at.lost).toEqual(['journal']);
    expect(at.watch.says).toMatch(/journal of an open incident is gone.*store reindex.*mbx1: activation/);
    expect(await everything(at)).toMatchObject([{ scope: {} }]);
  });

  it('is found when the incident is to be advanced, and immediately stops the next command', async () => {
    const at = await scene();
    at.forget.journals.add(at.id);
    await at.watch.missing(at.id);
    expect(at.lost).toEqual(['journal']);
    expect(at.watch.switches()).toMatchObject([{ on: true, scope: {} }]);
  });

  it('that this daemon does not know is reported too', async () => {
    const at = await scene();
    const fresh = another(at);
    await fresh.missing(at.id);
    expect(at.lost).toEqual(['journal']);
    expect(fresh.says).toMatch(/the changes that incident .* made are not known/);
  });

  it('with no changes is reported, and stops nothing: a failover may have lost its opening', async () => {
    const at = await scene('opened');
    at.forget.journals.add(at.id);
    await at.watch.check();
    expect(at.errors.join()).toMatch(/journal of an open incident is gone; it had changed nothing/);
    expect([at.watch.says, at.lost]).toEqual([undefined, []]);
  });
});

describe('a store that is older than it was', () => {
  const older: Recognised = { ...SAME, older: true };

  it('with all outstanding undo actions stops nothing: a failover has lost its last entries', async () => {
    const at = await scene();
    at.found.push(older);
    await at.watch.check();
    expect([at.watch.says, at.lost, at.errors]).toEqual([undefined, [], []]);
  });

  it('without some outstanding undo actions stops everything', async () => {
    const at = await scene();
    at.forget.ledger = true;
    at.found.push(older);
    await at.watch.check();
    expect(at.lost).toEqual(['older']);
    expect(at.watch.says).toMatch(/older copy of itself.*mbx1: activation of databases on mbx1 is blocked/);
  });

  it('is found when a journal is read that lacks entries of this daemon', async () => {
    const at = await scene();
    const journal = await journalOf(at.bench.store, at.id);
    if (!journal) throw new Error('there is no journal');
    const known = at.watch.known(at.id);
    await at.watch.compare(at.id, known, journal);
    expect(at.lost).toEqual([]);
    at.forget.ledger = true;
    const before = journal.entries.slice(0, -1);
    const head = { seq: before.length, hash: journal.entries.at(-1)?.previous ?? '' };
    await at.watch.compare(at.id, known, { head });
    expect(at.lost).toEqual(['older']);
  });

  it('is not found if another daemon has only appended more', async () => {
    const at = await scene();
    const known = at.watch.known(at.id);
    at.bench.engine.onEntry = () => {};
    await at.bench.run((incident) => incident.steps.some(({ step, state }) => step.n > 3 && state === 'done'));
    at.forget.ledger = true;
    await at.watch.compare(at.id, known, await journalOf(at.bench.store, at.id));
    expect(at.lost).toEqual([]);
  });
});

it('keys dropped by Redis stop everything, and are reported once', async () => {
  const at = await scene();
  const evicted: Recognised = { ...SAME, evicted: true };
  at.found.push(evicted, evicted, evicted);
  for (let n = 0; n < 3; n += 1) await at.watch.check();
  expect([at.lost, at.notices.length]).toEqual([['evicted'], 1]);
  expect(at.watch.says).toMatch(/maxmemory-policy to noeviction/);
});

it('an open incident without a due time is woken', async () => {
  const at = await scene();
  at.forget.due = true;
  await at.watch.check();
  expect(at.errors.join()).toMatch(/lost the due time of an open incident/);
  expect(await at.bench.store.overdue(at.bench.lab.clock.now(), 10)).toContain(at.id);
  expect(at.watch.says).toBeUndefined();
});

it('every kind of loss has a message', () => {
  expect(STORE_LOSSES).toHaveLength(5);
});

it('finished incidents are forgotten', async () => {
  const at = await scene();
  await at.bench.run();
  expect(at.watch.known(at.id)).toBeUndefined();
  const journal = await journalOf(at.bench.store, at.id);
  expect(journal && fold(journal.entries).finished).toBeDefined();
});
