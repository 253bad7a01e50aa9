/** A store whose indexes were made anew from its journals answers as before, after whatever has happened in it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { incidentKey } from '../../src/incident/alert.ts';
import type { IncidentEvent } from '../../src/incident/event.ts';
import { fold } from '../../src/incident/fold.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { troubleOf } from '../../src/incident/trouble.ts';
import type { StartConditions } from '../../src/ports/journal.ts';
import type { Store } from '../../src/ports/store.ts';
import { type Bench, bench, operationsOf } from '../support/engine.ts';
import { journalOf } from '../support/journal.ts';
import { happenings, live } from './random-journals.ts';
import { anAlert } from './store.ts';

export interface ReindexSide {
  store: Store;
  /** All that is made anew, in a form that can be compared; only where it can be seen from outside. */
  indexes?(): Promise<unknown>;
  /** Deletes all that is made anew. */
  spoil?(): Promise<void>;
  close(): Promise<void>;
}

const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const CTP = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
const PROXY = { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
const WEEK = 7 * 24 * 3_600_000;

const STOPPED = { on: true, scope: { server: 'cas1' }, by: 'yuki', reason: 'works on it' };

const isDrained = ({ steps }: Incident) =>
  steps.some(({ step, state }) => step.step === 'fail-over-databases' && state === 'done');

/** What an engine does in some hours: each way to end, what is left, and what is in the middle of it. */
async function aRichLife(store: Store): Promise<Bench> {
  const b = bench({ aroundStore: () => store });
  const { lab } = b;
  const operations = operationsOf(b);
  const hours = (some: number) => lab.clock.advance(some * 3_600_000);

  lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
  await b.handle({ server: 'mbx1', ...SELF_TEST, repeatCount: 3 });
  lab.post({ fault: 'transient', server: 'mbx3' });
  await b.handle({ server: 'mbx3', ...SELF_TEST });
  lab.post({ fault: 'imap-backend-wedged', server: 'mbx9' });
  await b.handle({ server: 'mbx9', ...SELF_TEST });
  hours(13);
  // Nothing cures it: the server stays drained, and keeps its group's slot.
  lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'ex1' });
  await b.handle({ server: 'ex1', ...SELF_TEST });
  hours(30);
  // Left drained too, and put back by an incident of its own.
  const sick = lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx3' });
  await b.handle({ server: 'mbx3', ...SELF_TEST });
  lab.remove(sick.id);
  await operations.putBack({ server: 'mbx3' }, { by: 'yuki' });
  await b.run();
  hours(30);
  await operations.trustPlaybook('imap-protocol', { by: 'yuki' });
  lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
  await b.handle({ server: 'cas1', ...CTP });
  hours(30);
  // In the middle: one has drained its server, one is held, one was never looked at.
  await operations.setKillSwitch(STOPPED);
  lab.post({ fault: 'imap-proxy-wedged', server: 'cas1' });
  await b.alert({ server: 'cas1', ...PROXY });
  lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  await b.alert({ server: 'mbx1', ...SELF_TEST });
  await b.alert({ server: 'mbx1', ...SELF_TEST, repeatCount: 7 });
  await b.run(isDrained);
  await b.alert({ server: 'cas2', ...PROXY });
  return b;
}

export function reindexContract(name: string, makeStore: () => Promise<ReindexSide>): void {
  describe(name, () => {
    let side: ReindexSide;
    let store: Store;
    beforeEach(async () => {
      side = await makeStore();
      store = side.store;
    });
    afterEach(() => side.close());

    it('answers every question as before, its indexes deleted where that can be done from outside', {
      timeout: 60_000,
    }, async () => {
      const b = await aRichLife(store);
      const at = { world: b.engine.clock.epoch, now: b.lab.clock.now() };
      const before = { answers: await answersOf(store, at), indexes: await side.indexes?.() };
      expect(before.answers).toMatchObject(LIVED);
      await side.spoil?.();
      const found = await store.reindex();
      expect(found.unreadable).toEqual([]);
      expect(found.incidents).toBe((await store.list({ limit: 100 })).ids.length);
      expect(found.open).toBe(before.answers.open.length);
      expect(found.owed).toBe(before.answers.owed.length);
      expect(await answersOf(store, at)).toEqual(before.answers);
      expect(await side.indexes?.()).toEqual(before.indexes);
    });

    it('are the same made anew as they were lived, whatever happened', { timeout: 120_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(happenings, async (all) => {
          const own = await makeStore();
          try {
            const at = await live(own.store, all);
            const before = { answers: await answersOf(own.store, at), indexes: await own.indexes?.() };
            await own.spoil?.();
            expect((await own.store.reindex()).unreadable).toEqual([]);
            const after = { answers: await answersOf(own.store, at), indexes: await own.indexes?.() };
            expect(after).toEqual(before);
          } finally {
            await own.close();
          }
        }),
        { numRuns: 30 },
      );
    });

    it('goes on with what was in the middle, and recovers it', { timeout: 60_000 }, async () => {
      const b = await aRichLife(store);
      await side.spoil?.();
      await store.reindex();
      const open = await store.openIncidents();
      await operationsOf(b).setKillSwitch({ ...STOPPED, on: false });
      await b.run();
      const ends = await Promise.all(
        open.map(async (id) => [id.split('-')[0], (await b.incident(id)).finished?.outcome]),
      );
      expect(Object.fromEntries(ends)).toEqual({ mbx1: 'recovered', cas1: 'recovered', cas2: 'transient' });
      expect(b.lab.commands().filter(({ effect }) => effect === 'already')).toEqual([]);
      expect((await store.ledger()).map(({ debt }) => debt.server)).toEqual(['ex1']);
    });

    it('leaves what no journal tells: alerts that wait, marks, switches, trust, who speaks', async () => {
      await store.accept([anAlert('waits')], WEEK);
      const since = 5;
      await store.setKillSwitch({ on: true, scope: { server: 'mbx1' }, by: 'jane', reason: '', since });
      await store.trust('lab-1', 'p', { by: 'jane', at: 1 });
      await store.claimNotification('lab-1', 'm', 'i1', 60_000);
      expect(await store.reindex()).toEqual({ incidents: 0, open: 0, owed: 0, unreadable: [] });
      expect(await store.pendingAlerts(Date.now(), 10)).toEqual(['waits']);
      expect(await store.accept([anAlert('waits')], WEEK)).toEqual([{ id: 'waits', repeat: true }]);
      expect(await store.killSwitches()).toMatchObject([{ scope: { server: 'mbx1' }, since }]);
      expect(await store.runs('lab-1', 'p')).toEqual({ runs: [], trusted: { by: 'jane', at: 1 } });
      expect(await store.claimNotification('lab-1', 'm', 'i2', 60_000)).toBe('i1');
    });

    it('makes every open incident due, as nobody knows when it was', async () => {
      const opening = { key: 'mbx1/imap', server: 'mbx1', family: 'IMAP' };
      const event: IncidentEvent = { type: 'opened', data: { id: 'i1', server: 'mbx1', family: 'IMAP' } };
      await store.append('i1', { seq: 0, hash: '' }, event, { at: 1, worker: 'w', opening, due: null });
      expect(await store.overdue(Date.now(), 10)).toEqual([]);
      await store.reindex();
      expect(await store.overdue(Date.now() + 1_000, 10)).toEqual(['i1']);
    });

    it('takes journals in the order of their times, whichever clock was set back between two entries', async () => {
      // i1 claims mbx1 and ends; then i2 claims it, on a worker whose clock is behind.
      const opened = async (id: string, at: number) => {
        const data = { id, server: 'mbx1', family: id };
        const opening = { key: incidentKey('mbx1', id), server: 'mbx1', family: id };
        const done = await store.append(
          id,
          { seq: 0, hash: '' },
          { type: 'opened', data },
          { at, worker: 'w', opening },
        );
        if (!done.ok) throw new Error(id);
        return done.head;
      };
      let first = await opened('i1', 100);
      const playbook = { name: 'p', hash: 'h', mode: 'auto' as const };
      const plan = [{ n: 1, step: 'restart-server', options: {}, changes: true, says: '' }];
      const starts = async (id: string, head: { seq: number; hash: string }, at: number) => {
        const matched = await store.append(
          id,
          head,
          { type: 'matched', data: { playbook, handles: [], plan } },
          { at, worker: 'w' },
        );
        if (!matched.ok) throw new Error(id);
        const start: StartConditions = { owner: id, organisation: 'w1', kill: [], claims: ['mbx1'], throttles: [] };
        const intent = { command: 'Restart-Computer', server: 'mbx1', arguments: {}, fence: {} };
        const data = { n: 1, note: {}, intent, took: { world: 'w1', throttles: [] } };
        const started = await store.append(id, matched.head, { type: 'stepStarted', data }, { at, worker: 'w', start });
        if (!started.ok) throw new Error(`${id} was refused`);
        return started.head;
      };
      first = await starts('i1', first, 200);
      const finishing = { key: '', root: 'i1', isRoot: true, keepSlots: [], outcome: 'escalated' };
      const data = { outcome: 'escalated' as const, reason: '', left: [], owed: [] };
      await store.append('i1', first, { type: 'finished', data }, { at: 300, worker: 'w', finishing });
      await starts('i2', await opened('i2', 400), 150);
      await side.spoil?.();
      await store.reindex();
      const asked: StartConditions = { owner: 'i3', organisation: 'w1', kill: [], claims: ['mbx1'], throttles: [] };
      expect(await store.wouldRefuse(asked)).toEqual({ by: 'claim', server: 'mbx1', owner: 'i2' });
    });
  });
}

/** What there must be at the end of that life, or the test would compare nothing with nothing. */
const LIVED = {
  owed: expect.arrayContaining([expect.stringContaining('ex1'), expect.stringContaining('mbx1')]),
  claims: expect.arrayContaining([expect.stringMatching(/^mbx1 /)]),
  slots: [expect.stringMatching(/^dag1 .* mbx1$/), expect.stringMatching(/^dag2 .* ex1$/)],
  disrupting: [expect.stringMatching(/^mbx1 /)],
  throttles: expect.arrayContaining([expect.stringMatching(/"restart-service:mbx1:.* \{"by":"throttle"/)]),
  recoveries: expect.arrayContaining([expect.stringMatching(/^mbx1\/imap mbx1-imap-/)]),
};

/** What others ask a store about, each answer in words. */
async function answersOf(store: Store, { world: organisation, now }: { world: string; now: number }) {
  const { ids } = await store.list({ limit: 100 });
  const journals = await Promise.all(ids.map((id) => journalOf(store, id)));
  const incidents = journals.map((journal) => fold(journal?.entries ?? []));
  const keys = [...new Set(incidents.map(({ server, family }) => incidentKey(server, family)))];
  const servers = ['mbx1', 'mbx2', 'mbx3', 'mbx9', 'cas1', 'cas2', 'ex1', 'ex2'];
  const troubles = [
    ...['*', 'imap', 'owa', 'pop'].flatMap((family) => [
      troubleOf.open(family),
      troubleOf.alerted(family),
      troubleOf.unhealthy(family),
      troubleOf.unseen(family),
    ]),
    ...incidents.flatMap(({ verified }) => verified?.monitors ?? []).map(troubleOf.monitor),
  ];
  const asks = (more: Partial<StartConditions>) =>
    store.wouldRefuse({ owner: 'x', organisation, kill: [], claims: [], throttles: [], ...more });
  const each = async <T>(all: readonly T[], ask: (one: T) => Promise<unknown>) => {
    const said = await Promise.all(all.map(async (one) => [one, await ask(one)] as const));
    return said.flatMap(([one, answer]) =>
      answer === undefined || (Array.isArray(answer) && answer.length === 0)
        ? []
        : [
            `${typeof one === 'string' ? one : JSON.stringify(one)} ${typeof answer === 'string' ? answer : JSON.stringify(answer)}`,
          ],
    );
  };
  const throttled = journals
    .flatMap((journal) => journal?.entries ?? [])
    .flatMap(({ data }) => ('took' in data ? (data.took?.throttles ?? []) : []));
  const byName = (a: { incident: string }, b: { incident: string }) => (a.incident < b.incident ? -1 : 1);
  return {
    all: ids,
    finished: (await store.list({ state: 'finished', limit: 100 })).ids,
    open: (await store.openIncidents()).sort(),
    listedOpen: (await store.list({ state: 'open', limit: 100 })).ids,
    on: await each(servers, async (server) => (await store.openOn(server)).sort(byName)),
    keys: await each(keys, async (key) => (await store.correlate(key, 'x', organisation, now)).open),
    disrupting: await each(
      servers,
      async (server) => (await store.correlate('x', server, organisation, now)).disrupting,
    ),
    outcomes: await each(keys, async (key) => (await store.lastOutcome(key, organisation))?.repeatCount),
    recoveries: await each(keys, async (key) => (await store.recoveries(key, organisation, 0)).join(' ')),
    owed: (await store.ledger()).map((owed) => JSON.stringify(sorted(owed))).sort(),
    claims: await each(servers, async (server) => {
      const no = await asks({ claims: [server] });
      return no && 'owner' in no ? no.owner : undefined;
    }),
    slots: await each(['dag1', 'dag2', 'cas:Tokyo', 'cas:Osaka'], async (group) => {
      const no = await asks({ slot: { group, server: 'x' } });
      return no?.by === 'slot' ? `${no.owner} ${no.server}` : undefined;
    }),
    throttles: await each(throttled, ({ key }) =>
      asks({ throttles: [{ key, minutesBetween: 1e6, perHour: -1, perDay: -1, group: false, now: now + 1 }] }),
    ),
    troubles: await each([...new Set(troubles)], async (one) => store.troubled(organisation, [one], 0)),
    runs: await each(
      [...new Set(incidents.flatMap(({ runs }) => runs.map(({ playbook }) => playbook)))],
      async (name) => sorted((await store.runs(organisation, name)).runs),
    ),
  };
}

/** The same value, whichever order its fields were set in. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}
