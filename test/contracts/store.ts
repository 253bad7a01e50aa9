/** What every side of the Store port does, as sentences. Run against memory and against a real Redis. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/incident/alert.ts';
import { verifyChain } from '../../src/incident/chain.ts';
import type { IncidentEvent } from '../../src/incident/event.ts';
import type { UndoAction } from '../../src/incident/undo.ts';
import {
  type AppendOptions,
  type AppendResult,
  type FeedItem,
  type Head,
  Stale,
  type StartConditions,
  type ThrottleRule,
} from '../../src/ports/journal.ts';
import type { Store } from '../../src/ports/store.ts';
import { journalOf } from '../support/journal.ts';

const WEEK = 7 * 24 * 3_600_000;
const MINUTE = 60_000;
const EMPTY: Head = { seq: 0, hash: '' };

export function anAlert(id: string, over: Partial<Alert> = {}): Alert {
  return {
    id,
    source: 'generic',
    senderId: `sender-${id}`,
    status: 'firing',
    server: 'mbx1',
    serverAsSent: 'MBX1.contoso.com',
    raisedAt: 1_000,
    receivedAt: 2_000,
    ...over,
  };
}

function aDebt(over: Partial<UndoAction> = {}): UndoAction {
  return {
    id: '3:activation',
    kind: 'activation',
    server: 'mbx1',
    setting: 'activation',
    when: 'always',
    value: { activationBlocked: false },
    says: 'allow database activation on mbx1 again',
    ...over,
  };
}

const stepStarted: IncidentEvent = { type: 'stepStarted', data: { n: 1, note: {} } };
const slept: IncidentEvent = { type: 'slept', data: { until: 9, for: 'look', says: 'waits' } };
const finished: IncidentEvent = {
  type: 'finished',
  data: { outcome: 'recovered', reason: 'it works', left: [], owed: [] },
};

export interface StoreSide {
  store: Store;
  /** A second daemon on the same data; the memory store has none. */
  other?: Store;
  /** Changes the stored text of an entry, as somebody with access to the data could. */
  tamper?(incident: string, seq: number, change: (text: string) => string): Promise<void>;
  close(): Promise<void>;
}

export function storeContract(name: string, makeStore: () => Promise<StoreSide>): void {
  describe(name, () => {
    let side: StoreSide;
    let store: Store;
    beforeEach(async () => {
      side = await makeStore();
      store = side.store;
    });
    afterEach(async () => {
      await side.close();
    });

    const wrote = (result: AppendResult): Head => {
      if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`);
      return result.head;
    };
    const append = async (id: string, head: Head, event: IncidentEvent, options: Partial<AppendOptions> = {}) =>
      store.append(id, head, event, { at: 5_000, worker: 'w1', ...options });

    /** Opens an incident; without an alert unless one is given. */
    const open = async (id: string, key = `${id}/imap`, alert?: Alert, at = 5_000): Promise<Head> => {
      const data = { id, server: 'mbx1', family: 'IMAP', ...(alert && { alert }) };
      const opening = { key, server: 'mbx1', family: 'IMAP', ...(alert && { alertId: alert.id }) };
      return wrote(await append(id, EMPTY, { type: 'opened', data }, { opening, at }));
    };
    const conditions = (owner: string, over: Partial<StartConditions> = {}): StartConditions => ({
      owner,
      organisation: 'lab-1',
      kill: [{ playbook: 'imap', server: 'mbx1', group: 'dag1' }],
      claims: [],
      throttles: [],
      ...over,
    });
    const start = async (id: string, head: Head, over: Partial<StartConditions> = {}) =>
      append(id, head, stepStarted, { start: conditions(id, over) });
    const finish = async (id: string, head: Head, over: Partial<NonNullable<AppendOptions['finishing']>> = {}) => {
      const finishing = { key: `${id}/imap`, root: id, keepSlots: [], isRoot: true, outcome: 'recovered', ...over };
      return wrote(await append(id, head, finished, { finishing, due: null }));
    };
    const entries = async (id: string) => (await journalOf(store, id))?.entries.length;
    const collect = async (items: AsyncIterable<FeedItem>, count: number): Promise<FeedItem[]> => {
      const got: FeedItem[] = [];
      for await (const item of items) {
        got.push(item);
        if (got.length === count) break;
      }
      return got;
    };

    describe('alerts', () => {
      it('answers each alert of a list as new or as a repeat, in its order', async () => {
        await store.accept([anAlert('b')], WEEK);
        expect(await store.accept([anAlert('a'), anAlert('b'), anAlert('a')], WEEK)).toEqual([
          { id: 'a', repeat: false },
          { id: 'b', repeat: true },
          { id: 'a', repeat: true },
        ]);
      });

      it('accepts an empty list', async () => {
        expect(await store.accept([], WEEK)).toEqual([]);
      });

      it('keeps everything that an alert says, Japanese, quotes and line ends included', async () => {
        const alert = anAlert('a', {
          title: 'IMAP の正常性セット「異常」😀',
          description: 'line one\r\nline "two"\\ :{sr}: \u2028 end',
          repeatCount: 3,
        });
        await store.accept([alert], WEEK);
        expect(await store.pendingAlert('a')).toEqual({ alert, repeat: false });
      });

      it('takes ids of any characters', async () => {
        const id = 'a:b\n"c"{sr} d\u0000é';
        await store.accept([anAlert(id)], WEEK);
        expect(await store.pendingAlerts(2_000, 10)).toEqual([id]);
        await open('i1', 'k', anAlert(id));
        expect(await store.pendingAlerts(2_000, 10)).toEqual([]);
      });

      it('lists pending alerts from the oldest, only those received by then, up to a limit', async () => {
        const received = { new: 300, old: 100, middle: 200, tomorrow: 900 };
        await store.accept(
          Object.entries(received).map(([id, receivedAt]) => anAlert(id, { receivedAt })),
          WEEK,
        );
        expect(await store.pendingAlerts(500, 10)).toEqual(['old', 'middle', 'new']);
        expect(await store.pendingAlerts(500, 2)).toEqual(['old', 'middle']);
      });

      it('puts a repeat of an alert that was seen to back, marked as a repeat', async () => {
        await store.accept([anAlert('a')], WEEK);
        await store.dropPending('a');
        expect(await store.pendingAlert('a')).toBeUndefined();
        await store.accept([anAlert('a', { repeatCount: 2 })], WEEK);
        expect(await store.pendingAlert('a')).toMatchObject({ repeat: true, alert: { repeatCount: 2 } });
      });

      it('leaves an alert that still waits as it is when its repeat comes', async () => {
        await store.accept([anAlert('a', { title: 'first' })], WEEK);
        await store.accept([anAlert('a', { title: 'second' })], WEEK);
        expect(await store.pendingAlert('a')).toMatchObject({ repeat: false, alert: { title: 'first' } });
      });

      it('puts an alert of another matter back when its incident ends, as one to look at by itself', async () => {
        const alert = anAlert('a');
        await store.accept([alert], WEEK);
        const head = await open('i1', 'k', alert);
        expect(await store.pendingAlert('a')).toBeUndefined();
        await finish('i1', head, { requeue: [alert] });
        expect(await store.correlate('k', 'mbx1', 'lab-1', 0)).toEqual({});
        expect(await store.pendingAlert('a')).toEqual({ alert, repeat: false });
        expect(await store.pendingAlerts(2_000, 10)).toEqual(['a']);
      });

      it('puts the newest of an alert back when it was sent several times', async () => {
        const sent = [1, 2].map((repeatCount) => anAlert('a', { repeatCount }));
        await finish('i1', await open('i1'), { requeue: sent });
        expect(await store.pendingAlert('a')).toEqual({ alert: sent[1], repeat: false });
      });

      it('puts an alert back as it was sent again meanwhile, where that waits already', async () => {
        const [alert, again] = [anAlert('a'), anAlert('a', { repeatCount: 2, inMaintenance: true })];
        await store.accept([alert], WEEK);
        const head = await open('i1', 'k', alert);
        await store.accept([again], WEEK);
        await finish('i1', head, { requeue: [alert] });
        expect(await store.pendingAlert('a')).toEqual({ alert: again, repeat: false });
        expect(await store.pendingAlerts(2_000, 10)).toEqual(['a']);
      });

      it('gives an alert to one of two that open with it', async () => {
        await store.accept([anAlert('a')], WEEK);
        await open('i1', 'k1', anAlert('a'));
        await expect(open('i2', 'k2', anAlert('a'))).rejects.toThrow(Stale);
        expect(await journalOf(store, 'i2')).toBeUndefined();
      });

      it('counts alerts without an entry, remembers the last of them, and takes them all', async () => {
        const head = await open('i1');
        const alerts = ['a', 'b', 'c'].map((id, n) => anAlert(id, { repeatCount: n }));
        await store.accept(alerts, WEEK);
        const counting = { alertIds: ['a', 'b'], alerts: alerts.slice(0, 2), repeatCount: 7 };
        expect(await store.count('i1', counting)).toBe(true);
        // A repeat is taken, and counts for nothing.
        expect(await store.count('i1', { alertIds: ['c'], alerts: [], repeatCount: 2 })).toBe(true);
        expect(await store.page('i1')).toMatchObject({ head, more: false, counted: { alerts: 2, newest: alerts[1] } });
        expect(await store.pendingAlerts(2_000, 10)).toEqual([]);
        expect(await entries('i1')).toBe(1);
        await finish('i1', wrote(await start('i1', head)));
        expect((await store.page('i1'))?.counted).toEqual({ alerts: 2, newest: alerts[1] });
        expect((await store.lastOutcome('i1/imap', 'lab-1'))?.repeatCount).toBe(7);
      });

      it('counts nothing where an alert is not pending, or the incident not open', async () => {
        const head = await open('i1');
        const alerts = [anAlert('a')];
        await store.accept(alerts, WEEK);
        expect(await store.count('i1', { alertIds: ['a', 'gone'], alerts, repeatCount: 0 })).toBe(false);
        expect(await store.count('nobody', { alertIds: ['a'], alerts, repeatCount: 0 })).toBe(false);
        await finish('i1', head);
        expect(await store.count('i1', { alertIds: ['a'], alerts, repeatCount: 0 })).toBe(false);
        expect((await store.page('i1'))?.counted).toBeUndefined();
        expect(await store.pendingAlerts(2_000, 10)).toEqual(['a']);
      });

      it('gives an alert to one of two that attach it', async () => {
        await store.accept([anAlert('a')], WEEK);
        const attached: IncidentEvent = { type: 'attached', data: { alerts: [anAlert('a')] } };
        const head = wrote(await append('i1', await open('i1'), attached, { attaching: { alertIds: ['a'] } }));
        await expect(append('i1', head, attached, { attaching: { alertIds: ['a'] } })).rejects.toThrow(Stale);
        expect(await entries('i1')).toBe(2);
        expect(await store.pendingAlert('a')).toBeUndefined();
      });
    });

    describe('correlation', () => {
      it('finds the open incident of a key, and none once it is finished', async () => {
        expect(await store.correlate('i1/imap', 'mbx1', 'lab-1', 0)).toEqual({});
        const head = await open('i1');
        expect(await store.correlate('i1/imap', 'mbx1', 'lab-1', 0)).toEqual({ open: 'i1' });
        await finish('i1', head);
        expect(await store.correlate('i1/imap', 'mbx1', 'lab-1', 0)).toEqual({});
      });

      it('answers who has the key when a second incident wants it, and writes nothing', async () => {
        await open('i1', 'mbx1/imap');
        const data = { id: 'i2', server: 'mbx1', family: 'IMAP' };
        const opening = { key: 'mbx1/imap', server: 'mbx1', family: 'IMAP' };
        expect(await append('i2', EMPTY, { type: 'opened', data }, { opening })).toEqual({ ok: false, open: 'i1' });
        expect(await journalOf(store, 'i2')).toBeUndefined();
        expect(await store.openIncidents()).toEqual(['i1']);
      });

      it('leaves the alert pending when the key is taken', async () => {
        await open('i1', 'mbx1/imap');
        await store.accept([anAlert('a')], WEEK);
        const data = { id: 'i2', server: 'mbx1', family: 'IMAP', alert: anAlert('a') };
        await append(
          'i2',
          EMPTY,
          { type: 'opened', data },
          { opening: { key: 'mbx1/imap', alertId: 'a', server: 'mbx1', family: 'IMAP' } },
        );
        expect(await store.pendingAlerts(2_000, 10)).toEqual(['a']);
      });

      it('knows who disrupts a server, in that organisation, until then, and while it is open', async () => {
        const disrupts = { servers: ['mbx1', 'mbx2'], until: 10_000 };
        const head = wrote(await start('i1', await open('i1'), { disrupts }));
        const who = async (server: string, organisation: string, at: number) =>
          (await store.correlate('other', server, organisation, at)).disrupting;
        expect(await who('mbx2', 'lab-1', 9_999)).toBe('i1');
        expect(await who('mbx2', 'lab-1', 10_000)).toBeUndefined();
        expect(await who('mbx2', 'lab-2', 9_999)).toBeUndefined();
        expect(await who('mbx3', 'lab-1', 9_999)).toBeUndefined();
        await finish('i1', head);
        expect(await who('mbx2', 'lab-1', 9_999)).toBeUndefined();
      });

      it('remembers when the last incident of a key ended, and the highest RepeatCount that it knew', async () => {
        const before = Date.now() - 1;
        const first = anAlert('a', { repeatCount: 4 });
        const second = anAlert('b', { repeatCount: 2 });
        await store.accept([first, second], WEEK);
        expect(await store.lastOutcome('i1/imap', 'lab-1')).toBeUndefined();
        let head = await open('i1', 'i1/imap', first);
        const attached: IncidentEvent = { type: 'attached', data: { alerts: [second] } };
        head = wrote(await append('i1', head, attached, { attaching: { alertIds: ['b'] } }));
        await finish('i1', wrote(await start('i1', head)));
        const last = await store.lastOutcome('i1/imap', 'lab-1');
        expect(last?.repeatCount).toBe(4);
        expect(last?.at).toBeGreaterThan(before);
        expect(last?.at).toBeLessThanOrEqual(Date.now() + 1);
        expect(await store.lastOutcome('i1/imap', 'lab-2')).toBeUndefined();
      });

      it('counts the recoveries of one matter in one organisation, since a time', async () => {
        for (const id of ['i1', 'i2', 'i3']) {
          const head = wrote(await start(id, await open(id, 'mbx1/imap')));
          await finish(id, head, { key: 'mbx1/imap', outcome: id === 'i2' ? 'escalated' : 'recovered' });
        }
        expect(await store.recoveries('mbx1/imap', 'lab-1', 0)).toEqual(['i1', 'i3']);
        expect(await store.recoveries('mbx1/imap', 'lab-1', 5_001)).toEqual([]);
        expect(await store.recoveries('mbx1/imap', 'lab-2', 0)).toEqual([]);
        expect(await store.recoveries('mbx1/owa', 'lab-1', 0)).toEqual([]);
      });

      it('keeps the outcome of an incident that never saw its organisation, for every organisation', async () => {
        await finish('i1', await open('i1'));
        expect(await store.lastOutcome('i1/imap', 'lab-7')).toMatchObject({ repeatCount: 0 });
      });
    });

    describe('journals', () => {
      it('knows no journal that nobody began', async () => {
        expect(await journalOf(store, 'nobody')).toBeUndefined();
      });

      it('reads back what was appended, in order, with its head', async () => {
        const head = wrote(await append('i1', await open('i1'), slept));
        const journal = await journalOf(store, 'i1');
        expect(journal?.head).toEqual(head);
        expect(journal?.entries.map(({ seq, type, worker, at, version }) => [seq, type, worker, at, version])).toEqual([
          [1, 'opened', 'w1', 5_000, 1],
          [2, 'slept', 'w1', 5_000, 1],
        ]);
      });

      it('answers with the very entry that is read later', async () => {
        const head = await open('i1');
        const data = { n: 1, note: { z: undefined, a: [1, null, { 10: 'x', 9: 'y' }], ä: '異常' } };
        const result = await append('i1', head, { type: 'stepStarted', data });
        expect(result.ok && result.entry).toStrictEqual((await journalOf(store, 'i1'))?.entries[1]);
      });

      it('keeps empty lists lists and empty objects objects', async () => {
        const data = { n: 1, note: { list: [], object: {}, nested: [[], {}] } };
        await append('i1', await open('i1'), { type: 'stepStarted', data });
        expect((await journalOf(store, 'i1'))?.entries[1]?.data).toEqual(data);
      });

      it('reads a long journal in pages: all of it, in order, a part at a time', async () => {
        let head = await open('i1');
        const note = { text: 'x'.repeat(300_000) };
        for (let n = 2; n <= 9; n += 1)
          head = wrote(await append('i1', head, { type: 'stepStarted', data: { n, note } }));
        const pagesOf = async (limit?: number) => {
          const pages: number[][] = [];
          for (let after = 0; ; after = pages.at(-1)?.at(-1) ?? after) {
            const page = await store.page('i1', after, limit);
            expect(page?.head).toEqual(head);
            pages.push(page?.entries.map(({ seq }) => seq) ?? []);
            if (!page?.more) return pages;
          }
        };
        const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        const [whole, few] = [await pagesOf(), await pagesOf(2)];
        expect(whole.flat()).toEqual(numbers);
        expect(whole.length).toBeGreaterThan(1);
        expect(few).toEqual([[1, 2], [3, 4], [5, 6], [7, 8], [9]]);
        expect((await journalOf(store, 'i1'))?.entries.map(({ seq }) => seq)).toEqual(numbers);
        expect(await store.page('i1', 9)).toEqual({ head, entries: [], more: false });
        expect(await store.page('nobody')).toBeUndefined();
        head = await finish('i1', head);
        expect((await pagesOf(4)).flat()).toEqual([...numbers, 10]);
      });

      it('refuses an append on a head that has moved', async () => {
        const head = await open('i1');
        await append('i1', head, slept);
        await expect(append('i1', head, slept)).rejects.toThrow(Stale);
        expect(await entries('i1')).toBe(2);
      });

      it('refuses an append on the right number with another hash', async () => {
        const head = await open('i1');
        await expect(append('i1', { ...head, hash: 'f'.repeat(64) }, slept)).rejects.toThrow(Stale);
      });

      it('refuses to begin a journal twice', async () => {
        await open('i1');
        await expect(open('i1', 'another key')).rejects.toThrow(Stale);
      });

      it('refuses a first entry without its key', async () => {
        await expect(append('i1', EMPTY, slept)).rejects.toThrow(/opening/);
        expect(await journalOf(store, 'i1')).toBeUndefined();
      });

      it('lets exactly one of many appenders on one head through', async () => {
        const head = await open('i1');
        const stores = [store, side.other ?? store];
        const tries = Array.from({ length: 20 }, (_, n) =>
          stores[n % 2]!.append('i1', head, slept, { at: n, worker: `w${n}` }),
        );
        const results = await Promise.allSettled(tries);
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(Stale);
        expect(await entries('i1')).toBe(2);
      });

      it('lets exactly one of many openers of one key through', async () => {
        const stores = [store, side.other ?? store];
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) => {
            const data = { id: `i${n}`, server: 'mbx1', family: 'IMAP' };
            const options = { at: n, worker: 'w', opening: { key: 'one', server: 'mbx1', family: 'IMAP' } };
            return stores[n % 2]!.append(`i${n}`, EMPTY, { type: 'opened', data }, options);
          }),
        );
        expect(results.filter(({ ok }) => ok)).toHaveLength(1);
        expect(await store.openIncidents()).toHaveLength(1);
      });

      it('makes a chain that verifies', async () => {
        await finish('i1', wrote(await append('i1', await open('i1'), slept)));
        const journal = await journalOf(store, 'i1');
        expect(verifyChain(journal!.entries, journal!.head)).toEqual({ ok: true, entries: 3 });
      });

      it('shows an entry that somebody changed', async () => {
        if (!side.tamper) return;
        let head = wrote(await append('i1', await open('i1'), slept));
        head = wrote(await append('i1', head, slept));
        await side.tamper('i1', 2, (text) => text.replace('"waits"', '"nothing"'));
        const journal = await journalOf(store, 'i1');
        expect(verifyChain(journal!.entries, journal!.head)).toMatchObject({ ok: false, seq: 2 });
      });

      it('hands out copies: what a reader changes is not changed in the store', async () => {
        await open('i1');
        const journal = await journalOf(store, 'i1');
        journal!.entries[0]!.worker = 'somebody else';
        journal!.head.seq = 99;
        expect(await journalOf(store, 'i1')).toMatchObject({ head: { seq: 1 }, entries: [{ worker: 'w1' }] });
      });

      it('reads a finished journal exactly as it was before', async () => {
        let head = await open('i1', 'i1/imap', undefined);
        for (let n = 0; n < 20; n += 1) {
          const note = { says: `検証 ${n}`, text: 'a "quoted"\nline' };
          head = wrote(await append('i1', head, { type: 'stepStarted', data: { n, note } }));
        }
        const before = await journalOf(store, 'i1');
        await finish('i1', head);
        const after = await journalOf(store, 'i1');
        expect(after?.entries.slice(0, -1)).toEqual(before?.entries);
        expect(after?.entries.at(-1)?.type).toBe('finished');
      });

      it('goes on with a finished journal: an undo can be settled later', async () => {
        const head = await finish('i1', await open('i1'));
        const undone: IncidentEvent = {
          type: 'undone',
          data: { undo: '3:activation', state: 'settled', says: 'by hand' },
        };
        wrote(await append('i1', head, undone));
        const journal = await journalOf(store, 'i1');
        expect(journal?.entries.map(({ type }) => type)).toEqual(['opened', 'finished', 'undone']);
        expect(verifyChain(journal!.entries, journal!.head)).toEqual({ ok: true, entries: 3 });
        expect(await store.openIncidents()).toEqual([]);
      });

      it('takes incident names of any characters', async () => {
        const id = 'i:1\n"x"{sr}é';
        await finish(id, await open(id));
        expect(await entries(id)).toBe(2);
        expect((await store.list({ limit: 5 })).ids).toEqual([id]);
      });
    });

    describe('finding incidents', () => {
      const three = async () => {
        const [a, b, c] = [
          await open('a', 'ka', undefined, 100),
          await open('b', 'kb', undefined, 200),
          await open('c', 'kc', undefined, 200),
        ];
        return { a, b, c };
      };

      it('lists the newest first, page by page, also those of one moment', async () => {
        await three();
        const first = await store.list({ limit: 2 });
        expect(first.ids).toEqual(['c', 'b']);
        expect(await store.list({ limit: 2, cursor: first.next! })).toEqual({ ids: ['a'] });
      });

      it('gives no next page after the last', async () => {
        await three();
        expect(await store.list({ limit: 3 })).toEqual({ ids: ['c', 'b', 'a'] });
      });

      it('goes on from a cursor whose incident has finished meanwhile', async () => {
        const { c } = await three();
        const first = await store.list({ state: 'open', limit: 1 });
        await finish('c', c, { key: 'kc' });
        expect((await store.list({ state: 'open', limit: 5, cursor: first.next! })).ids).toEqual(['b', 'a']);
      });

      it('lists by state and by time', async () => {
        const { b } = await three();
        await finish('b', b, { key: 'kb' });
        expect((await store.list({ state: 'open', limit: 5 })).ids).toEqual(['c', 'a']);
        expect((await store.list({ state: 'finished', limit: 5 })).ids).toEqual(['b']);
        expect((await store.list({ since: 200, limit: 5 })).ids).toEqual(['c', 'b']);
        expect((await store.openIncidents()).sort()).toEqual(['a', 'c']);
      });

      it('names a cursor that it did not give', async () => {
        await expect(store.list({ limit: 5, cursor: 'nonsense' })).rejects.toThrow(/cursor "nonsense"/);
      });
    });

    describe('starting a change', () => {
      const refusedBy = (result: AppendResult) => (!result.ok && 'refused' in result ? result.refused.by : undefined);

      it('writes when every condition holds', async () => {
        const result = await start('i1', await open('i1'), {
          claims: ['mbx1'],
          slot: { group: 'dag1', server: 'mbx1' },
          throttles: [rule('restart:mbx1', 1_000)],
        });
        expect(result).toMatchObject({ ok: true, head: { seq: 2 } });
      });

      it('says no to a server that another root has claimed, names it, and writes nothing', async () => {
        const head = await open('i2');
        await start('i1', await open('i1'), { claims: ['mbx1', 'mbx2'] });
        expect(await start('i2', head, { claims: ['mbx3', 'mbx2'] })).toEqual({
          ok: false,
          refused: { by: 'claim', server: 'mbx2', owner: 'i1' },
        });
        expect(await entries('i2')).toBe(1);
        wrote(await start('i3', await open('i3'), { claims: ['mbx3'] }));
      });

      it('lets the same owner pass again, and its children with it', async () => {
        const both = { claims: ['mbx1'], slot: { group: 'dag1', server: 'mbx1' } };
        const head = wrote(await start('i1', await open('i1'), both));
        wrote(await start('i1', head, both));
        wrote(await start('child', await open('child'), { ...both, owner: 'i1' }));
      });

      it('keeps worlds apart', async () => {
        const both = { claims: ['mbx1'], slot: { group: 'dag1', server: 'mbx1' } };
        wrote(await start('i1', await open('i1'), both));
        wrote(await start('i2', await open('i2'), { ...both, organisation: 'lab-2' }));
      });

      it('says no to a second server of a group, and names the first', async () => {
        wrote(await start('i1', await open('i1'), { slot: { group: 'dag1', server: 'mbx1' } }));
        expect(await start('i2', await open('i2'), { slot: { group: 'dag1', server: 'mbx2' } })).toEqual({
          ok: false,
          refused: { by: 'slot', group: 'dag1', owner: 'i1', server: 'mbx1' },
        });
        wrote(await start('i3', await open('i3'), { slot: { group: 'cas:Tokyo', server: 'cas1' } }));
      });

      it('takes nothing at all when the last condition says no', async () => {
        wrote(await start('i1', await open('i1'), { throttles: [rule('r', 1_000, { perDay: 1 })] }));
        const all = {
          claims: ['mbx1'],
          slot: { group: 'dag1', server: 'mbx1' },
          throttles: [rule('free', 1_000), rule('r', 2_000, { perDay: 1 })],
        };
        const outstanding = [{ debt: aDebt(), incident: 'i2', organisation: 'lab-1' }];
        const refused = await append('i2', await open('i2'), stepStarted, {
          start: conditions('i2', all),
          outstanding,
          due: 77,
        });
        expect(refusedBy(refused)).toBe('throttle');
        expect(await store.ledger()).toEqual([]);
        expect(await store.overdue(1_000, 10)).toEqual([]);
        const again = { ...all, throttles: [rule('free', 1_000, { perDay: 1 })] };
        wrote(await start('i3', await open('i3'), again));
      });

      it('gives everything back when the root finishes', async () => {
        const both = { claims: ['mbx1', 'mbx2'], slot: { group: 'dag1', server: 'mbx1' } };
        const head = wrote(await start('i1', await open('i1'), both));
        await finish('i1', head);
        wrote(await start('i2', await open('i2'), both));
      });

      it('gives back nothing that another root holds', async () => {
        const slot = { slot: { group: 'dag1', server: 'mbx1' }, claims: ['mbx1'] };
        wrote(await start('i1', await open('i1'), slot));
        await finish('i2', wrote(await start('i2', await open('i2'), { claims: ['mbx2'] })));
        const third = await open('i3');
        expect(refusedBy(await start('i3', third, { slot: { group: 'dag1', server: 'mbx2' } }))).toBe('slot');
        expect(refusedBy(await start('i3', third, { claims: ['mbx1'] }))).toBe('claim');
      });

      it('keeps a slot from others, for the same server too, while its owner goes on', async () => {
        const slot = { group: 'dag1', server: 'mbx1' };
        wrote(await start('i1', await open('i1'), { slot }));
        expect(refusedBy(await start('i2', await open('i2'), { slot }))).toBe('slot');
      });

      it('gives nothing back when a child finishes', async () => {
        wrote(await start('i1', await open('i1'), { claims: ['mbx1'] }));
        await finish('child', await open('child'), { root: 'i1', isRoot: false });
        expect(refusedBy(await start('i2', await open('i2'), { claims: ['mbx1'] }))).toBe('claim');
      });

      it('tells beforehand what would refuse a start, and takes nothing by telling', async () => {
        const slot = { group: 'dag1', server: 'mbx1' };
        wrote(await start('i1', await open('i1'), { claims: ['mbx1'], slot }));
        expect(await store.wouldRefuse(conditions('i1', { claims: ['mbx1'], slot }))).toBeUndefined();
        expect(await store.wouldRefuse(conditions('i2', { claims: ['mbx1'] }))).toEqual({
          by: 'claim',
          server: 'mbx1',
          owner: 'i1',
        });
        expect(await store.wouldRefuse(conditions('i2', { slot: { group: 'dag1', server: 'mbx2' } }))).toMatchObject({
          by: 'slot',
          owner: 'i1',
        });
        expect(await store.wouldRefuse(conditions('i2', { claims: ['mbx2'] }))).toBeUndefined();
        wrote(await start('i3', await open('i3'), { claims: ['mbx2'] }));
      });

      it('leaves the slot of a drained server taken for other servers, not for that one', async () => {
        const slot = { group: 'dag1', server: 'mbx1' };
        const head = wrote(await start('i1', await open('i1'), { claims: ['mbx1'], slot }));
        await finish('i1', head, { keepSlots: ['dag1'] });
        expect(await start('i2', await open('i2'), { slot: { group: 'dag1', server: 'mbx2' } })).toMatchObject({
          refused: { by: 'slot', owner: 'i1', server: 'mbx1' },
        });
        wrote(await start('i3', await open('i3'), { claims: ['mbx1'], slot }));
      });

      it('frees a slot that was kept once the last debt of its server is settled', async () => {
        const outstanding = [aDebt(), aDebt({ id: '4', setting: 'imap-protocol-log' })].map((debt) => ({
          debt,
          incident: 'i1',
          organisation: 'lab-1',
        }));
        const slot = { group: 'dag1', server: 'mbx1' };
        let head = wrote(
          await append('i1', await open('i1'), stepStarted, { start: conditions('i1', { slot }), outstanding }),
        );
        head = await finish('i1', head, { keepSlots: ['dag1'] });
        const settle = (setting: string) => [{ server: 'mbx1', setting, organisation: 'lab-1' }];
        head = wrote(await append('i1', head, slept, { settle: settle('imap-protocol-log') }));
        const other = { slot: { group: 'dag1', server: 'mbx2' } };
        const waiting = await open('i2');
        expect(refusedBy(await start('i2', waiting, other))).toBe('slot');
        wrote(await append('i1', head, slept, { settle: settle('activation') }));
        wrote(await start('i2', waiting, other));
      });

      it('does not free the slot of a run that still goes on when a debt is settled', async () => {
        const outstanding = [{ debt: aDebt(), incident: 'i1', organisation: 'lab-1' }];
        const slot = { group: 'dag1', server: 'mbx1' };
        const head = wrote(
          await append('i1', await open('i1'), stepStarted, { start: conditions('i1', { slot }), outstanding }),
        );
        wrote(
          await append('i1', head, slept, {
            settle: [{ server: 'mbx1', setting: 'activation', organisation: 'lab-1' }],
          }),
        );
        expect(refusedBy(await start('i2', await open('i2'), { slot: { group: 'dag1', server: 'mbx2' } }))).toBe(
          'slot',
        );
      });
    });

    const rule = (key: string, now: number, over: Partial<ThrottleRule> = {}): ThrottleRule => ({
      key,
      now,
      minutesBetween: -1,
      perHour: -1,
      perDay: -1,
      group: false,
      ...over,
    });

    describe('throttles', () => {
      const cases: [string, Partial<ThrottleRule>, minutesAgo: number[], limit: string | undefined][] = [
        ['let everything through without limits', {}, [0, 0, 0, 1, 2], undefined],
        ['let a first start through', { minutesBetween: 60, perHour: 1, perDay: 1 }, [], undefined],
        ['stop a start too soon after the last', { minutesBetween: 60 }, [59], 'minutesBetween'],
        ['let one through when the minutes are over', { minutesBetween: 60 }, [60], undefined],
        ['stop the start beyond the hour’s number', { perHour: 2 }, [10, 50], 'perHour'],
        ['forget for the hour what is older', { perHour: 2 }, [10, 60], undefined],
        ['stop the start beyond the day’s number', { perDay: 2 }, [100, 1_439], 'perDay'],
        ['forget for the day what is older', { perDay: 2 }, [100, 1_440], undefined],
        ['stop every start when the number is none', { perDay: 0 }, [], 'perDay'],
        [
          'keep starts as long as the minutes between ask',
          { minutesBetween: 3 * 1_440 },
          [2 * 1_440],
          'minutesBetween',
        ],
      ];
      it.each(cases)('%s', async (_, limits, minutesAgo, limit) => {
        const now = 10_000 * MINUTE;
        for (const [n, ago] of [...minutesAgo].sort((a, b) => b - a).entries()) {
          const spent = rule('r', now - ago * MINUTE);
          wrote(await start(`before${n}`, await open(`before${n}`), { throttles: [spent] }));
        }
        const asked = rule('r', now, limits);
        const result = await start('asking', await open('asking'), { throttles: [asked] });
        if (limit === undefined) expect(result.ok).toBe(true);
        else expect(result).toMatchObject({ ok: false, refused: { by: 'throttle', limit, rule: asked } });
      });

      it('says when the last start was, and how many there were', async () => {
        wrote(await start('a', await open('a'), { throttles: [rule('r', 100 * MINUTE)] }));
        wrote(await start('b', await open('b'), { throttles: [rule('r', 110 * MINUTE)] }));
        expect(
          await start('c', await open('c'), { throttles: [rule('r', 120 * MINUTE, { perHour: 2 })] }),
        ).toMatchObject({
          refused: { last: 110 * MINUTE, count: 2, limit: 'perHour' },
        });
      });

      it('counts roots, not steps: the same owner passes, and counts once', async () => {
        const throttles = [rule('r', 1_000, { minutesBetween: 60, perHour: 2, perDay: 2 })];
        let head = await open('i1');
        for (let n = 0; n < 4; n += 1) head = wrote(await start('i1', head, { throttles }));
        const later = [rule('r', 1_000 + 61 * MINUTE, { minutesBetween: 60, perHour: 2, perDay: 2 })];
        wrote(await start('i2', await open('i2'), { throttles: later }));
      });

      it('keeps keys and worlds apart', async () => {
        const one = (key: string) => ({ throttles: [rule(key, 1_000, { perDay: 1 })] });
        wrote(await start('a', await open('a'), one('restart-service:mbx1:MSExchangeIMAP4BE')));
        wrote(await start('b', await open('b'), one('restart-service:mbx2:MSExchangeIMAP4BE')));
        wrote(
          await start('c', await open('c'), {
            ...one('restart-service:mbx1:MSExchangeIMAP4BE'),
            organisation: 'lab-2',
          }),
        );
      });

      it('stays spent when the incident finishes', async () => {
        const throttles = [rule('r', 1_000, { perDay: 1 })];
        await finish('i1', wrote(await start('i1', await open('i1'), { throttles })));
        expect((await start('i2', await open('i2'), { throttles })).ok).toBe(false);
      });
    });

    describe('the kill switch', () => {
      const on = async (scope: object, reason = 'maintenance') =>
        store.setKillSwitch({ on: true, scope, by: 'aiko', reason, since: 7 });
      const off = async (scope: object) => store.setKillSwitch({ on: false, scope, by: 'aiko', reason: '', since: 8 });

      const cases: [string, scope: object, stops: boolean][] = [
        ['everything, when it names nothing', {}, true],
        ['its server', { server: 'mbx1' }, true],
        ['its server, in any case', { server: 'MBX1' }, true],
        ['no other server', { server: 'mbx2' }, false],
        ['its playbook', { playbook: 'imap' }, true],
        ['no other playbook', { playbook: 'pop' }, false],
        ['its group', { group: 'dag1' }, true],
        ['a playbook on a server', { playbook: 'imap', server: 'mbx1' }, true],
        ['not another playbook on that server', { playbook: 'pop', server: 'mbx1' }, false],
      ];
      it.each(cases)('stops %s', async (_, scope, stops) => {
        const head = await open('i1');
        await on(scope);
        const result = await start('i1', head);
        expect(result.ok).toBe(!stops);
        if (stops) {
          expect(result).toMatchObject({ refused: { by: 'kill-switch', switch: { scope, by: 'aiko', since: 7 } } });
          expect(await entries('i1')).toBe(1);
        }
      });

      it('lets everything through that changes nothing', async () => {
        await on({});
        await finish('i1', wrote(await append('i1', await open('i1'), slept)));
      });

      it('is a set of scopes; switching off removes exactly the scope that it names', async () => {
        await on({});
        await on({ server: 'mbx1' });
        await on({ server: 'mbx1', playbook: 'imap' });
        await off({});
        expect((await store.killSwitches()).map(({ scope }) => scope)).toHaveLength(2);
        await off({ playbook: 'imap', server: 'MBX1' });
        expect((await store.killSwitches()).map(({ scope }) => scope)).toEqual([{ server: 'mbx1' }]);
        await off({ server: 'mbx1' });
        expect(await store.killSwitches()).toEqual([]);
      });

      it('stands once per scope, with its latest reason', async () => {
        await on({ server: 'mbx1' }, 'first');
        await on({ server: 'mbx1' }, '保守作業');
        expect(await store.killSwitches()).toMatchObject([{ on: true, reason: '保守作業' }]);
      });
    });

    describe('the ledger', () => {
      const outstanding = async (incident: string, debt: UndoAction, organisation = 'lab-1') =>
        wrote(
          await append(incident, await open(incident), stepStarted, {
            outstanding: [{ debt, incident, organisation }],
            at: 42,
          }),
        );

      it('keeps a debt as it was entered', async () => {
        await outstanding('i1', aDebt());
        const entry = { debt: aDebt(), incident: 'i1', world: 'lab-1', at: 42 };
        expect(await store.ledgerOf('mbx1', 'activation', 'lab-1')).toEqual(entry);
        expect(await store.ledger()).toEqual([entry]);
      });

      it('keeps the value that was found first', async () => {
        await outstanding('i1', aDebt({ value: { activationBlocked: false } }));
        await outstanding('i2', aDebt({ value: { activationBlocked: true } }));
        expect(await store.ledgerOf('mbx1', 'activation', 'lab-1')).toMatchObject({
          incident: 'i1',
          debt: { value: { activationBlocked: false } },
        });
      });

      it('keeps servers, settings and worlds apart', async () => {
        await outstanding('i1', aDebt());
        await outstanding('i2', aDebt({ setting: 'imap-protocol-log' }));
        await outstanding('i3', aDebt({ server: 'mbx2' }));
        await outstanding('i4', aDebt(), 'lab-2');
        expect((await store.ledger()).map(({ incident }) => incident).sort()).toEqual(['i1', 'i2', 'i3', 'i4']);
        expect(await store.ledgerOf('mbx2', 'imap-protocol-log', 'lab-1')).toBeUndefined();
      });

      it('strikes out what is settled, and takes a new value then', async () => {
        const head = await outstanding('i1', aDebt());
        await append('i1', head, slept, { settle: [{ server: 'mbx1', setting: 'activation', organisation: 'lab-1' }] });
        expect(await store.ledger()).toEqual([]);
        await outstanding('i2', aDebt());
        expect(await store.ledgerOf('mbx1', 'activation', 'lab-1')).toMatchObject({ incident: 'i2' });
      });

      it.each([
        ['strikes out what a step itself entered', { incident: 'i1', id: '3:activation' }, []],
        ['keeps what an earlier incident entered', { incident: 'i2', id: '3:activation' }, ['i1']],
        ['keeps what an earlier step entered', { incident: 'i1', id: '5:activation' }, ['i1']],
      ])('%s', async (_, of, left) => {
        const head = await outstanding('i1', aDebt());
        await append('i1', head, slept, {
          settle: [{ server: 'mbx1', setting: 'activation', organisation: 'lab-1', of }],
        });
        expect((await store.ledger()).map(({ incident }) => incident)).toEqual(left);
      });

      it('outlives the incident', async () => {
        await finish('i1', await outstanding('i1', aDebt()));
        expect(await store.ledger()).toHaveLength(1);
      });
    });

    describe('advancing', () => {
      const FAR = 600_000;
      const due = async (at = Date.now()) => store.overdue(at, 10);

      it('gives a lease to one worker at a time', async () => {
        await open('i1');
        const lease = await store.lease('i1', 'w1', FAR);
        expect(lease).toBeDefined();
        expect(await store.lease('i1', 'w2', FAR)).toBeUndefined();
        expect(await store.lease('i1', 'w1', FAR)).toBeUndefined();
        await store.release('i1', lease!.token, null);
        expect(await store.lease('i1', 'w2', FAR)).toBeDefined();
      });

      it('prolongs for the holder only', async () => {
        await open('i1');
        const lease = await store.lease('i1', 'w1', FAR);
        expect(await store.renew('i1', lease!.token, FAR)).toBe(true);
        expect(await store.renew('i1', 'w1/forged', FAR)).toBe(false);
        await store.release('i1', lease!.token, null);
        expect(await store.renew('i1', lease!.token, FAR)).toBe(false);
      });

      it('ignores a release by who lost it', async () => {
        await open('i1');
        await store.lease('i1', 'w1', FAR);
        expect(await store.release('i1', 'w1/forged', null)).toBe(false);
        expect(await store.lease('i1', 'w2', FAR)).toBeUndefined();
      });

      it('has it due when the append or the release said, and not before', async () => {
        const head = await open('i1');
        await append('i1', head, slept, { due: 500 });
        expect(await due(499)).toEqual([]);
        expect(await due(500)).toEqual(['i1']);
        const lease = await store.lease('i1', 'w1', FAR);
        await store.release('i1', lease!.token, 900);
        expect(await due(899)).toEqual([]);
        expect(await due(900)).toEqual(['i1']);
      });

      it('leaves the time alone when an append says nothing, and takes it out on null', async () => {
        let head = wrote(await append('i1', await open('i1'), slept, { due: 500 }));
        head = wrote(await append('i1', head, slept));
        expect(await due(500)).toEqual(['i1']);
        await append('i1', head, slept, { due: null });
        expect(await due()).toEqual([]);
      });

      it('lists the overdue from the longest, up to a limit, without those that are being advanced', async () => {
        for (const [id, at] of [
          ['late', 100],
          ['later', 300],
          ['held', 50],
          ['middle', 200],
        ] as const) {
          await append(id, await open(id), slept, { due: at });
        }
        await store.lease('held', 'w1', FAR);
        await store.nudge('held', 60);
        expect(await due(1_000)).toEqual(['late', 'middle', 'later']);
        expect(await store.overdue(1_000, 1)).toEqual(['late']);
      });

      it('finds an incident whose worker died', async () => {
        await open('i1');
        await store.lease('i1', 'w1', 1);
        await expect.poll(() => store.overdue(Date.now(), 10)).toEqual(['i1']);
        expect(await store.lease('i1', 'w2', FAR)).toBeDefined();
      });

      it('refuses to prolong or release a lease that ran out', async () => {
        await open('i1');
        const lease = await store.lease('i1', 'w1', 1);
        await expect.poll(() => store.overdue(Date.now(), 10)).toEqual(['i1']);
        expect(await store.renew('i1', lease!.token, FAR)).toBe(false);
        expect(await store.release('i1', lease!.token, null)).toBe(false);
        expect(await due()).toEqual(['i1']);
      });

      it('makes an incident due by a nudge', async () => {
        await open('i1');
        await store.nudge('i1', 700);
        expect(await due(699)).toEqual([]);
        expect(await due(700)).toEqual(['i1']);
      });

      it('tells the holder on release that news came meanwhile, and is due now', async () => {
        await open('i1');
        const lease = await store.lease('i1', 'w1', FAR);
        await store.nudge('i1', Date.now());
        expect(await store.release('i1', lease!.token, null)).toBe(true);
        await expect.poll(() => due()).toEqual(['i1']);
      });

      it('does not tell a holder of news that came before', async () => {
        await open('i1');
        await store.nudge('i1', 10);
        const lease = await store.lease('i1', 'w1', FAR);
        expect(await store.release('i1', lease!.token, null)).toBe(false);
        expect(await due()).toEqual([]);
      });

      it('never has a finished incident due, whatever is said of it', async () => {
        const head = await open('i1');
        const lease = await store.lease('i1', 'w1', FAR);
        await store.nudge('i1', 5);
        await finish('i1', head);
        await store.nudge('i1', 5);
        expect(await store.release('i1', lease!.token, 5)).toBe(false);
        expect(await due()).toEqual([]);
      });
    });

    describe('the feed', () => {
      it('tells every entry of every journal, in order, from now on', async () => {
        const before = await open('before');
        const stop = new AbortController();
        const items = store.feed('', stop.signal);
        await finish('i1', await open('i1'));
        await append('before', before, slept);
        const got = await collect(items, 3);
        expect(got.map(({ incident, entry }) => [incident, entry.seq, entry.type])).toEqual([
          ['i1', 1, 'opened'],
          ['i1', 2, 'finished'],
          ['before', 2, 'slept'],
        ]);
        expect(got[0]?.entry).toEqual((await journalOf(store, 'i1'))?.entries[0]);
        stop.abort();
      });

      it('goes on after an id: nothing is lost, nothing comes twice', async () => {
        const stop = new AbortController();
        const items = store.feed('', stop.signal);
        let head = await open('i1');
        for (let n = 0; n < 5; n += 1) head = wrote(await append('i1', head, slept));
        const [, second] = await collect(items, 2);
        const rest = store.feed(second!.id, stop.signal);
        await append('i1', head, slept);
        expect((await collect(rest, 5)).map(({ entry }) => entry.seq)).toEqual([3, 4, 5, 6, 7]);
        stop.abort();
      });

      it('tells what comes while it is waited for, to every reader', async () => {
        const stop = new AbortController();
        const readers = [store.feed('', stop.signal), store.feed('', stop.signal)];
        const waiting = readers.map((items) => collect(items, 1));
        await open('i1');
        for (const got of await Promise.all(waiting)) expect(got).toMatchObject([{ incident: 'i1' }]);
        stop.abort();
      });

      it('ends by its signal, also while it waits', async () => {
        const stop = new AbortController();
        const iterator = store.feed('', stop.signal)[Symbol.asyncIterator]();
        const waiting = iterator.next();
        stop.abort();
        expect(await waiting).toEqual({ done: true, value: undefined });
      });

      it('ends when the store is closed', async () => {
        const iterator = store.feed('', new AbortController().signal)[Symbol.asyncIterator]();
        const waiting = iterator.next();
        await store.close();
        expect(await waiting).toEqual({ done: true, value: undefined });
      });

      it('takes an id that is none as from now on', async () => {
        const head = await open('i1');
        const items = store.feed('not an id', new AbortController().signal);
        await append('i1', head, slept);
        expect(await collect(items, 1)).toMatchObject([{ entry: { seq: 2 } }]);
      });
    });

    describe('what a daemon compares with what it knows', () => {
      it('is the same store, however often it is looked at', async () => {
        await open('i1');
        for (let n = 0; n < 3; n += 1) {
          expect(await store.recognise([])).toEqual({ is: 'same', older: false, evicted: false });
          await finish(`j${n}`, await open(`j${n}`));
        }
        expect(await side.other?.recognise([])).toEqual(side.other && { is: 'same', older: false, evicted: false });
      });

      it('is where each journal ends, whether it is open, and whether it will be advanced', async () => {
        const [sleeping, leased, over] = [await open('i1'), await open('i2'), await finish('i3', await open('i3'))];
        const later = wrote(await append('i1', sleeping, slept, { due: 9_000 }));
        await store.lease('i2', 'w1', 60_000);
        expect(await store.standings(['i1', 'i2', 'i3', 'i4'])).toEqual([
          { head: later, open: true, due: true },
          { head: leased, open: true, due: true },
          { head: over, open: false, due: false },
          undefined,
        ]);
        expect(await store.standings([])).toEqual([]);
      });

      it('is an open incident that nobody will ever advance', async () => {
        const head = wrote(await append('i1', await open('i1'), slept, { due: null }));
        expect(await store.standings(['i1'])).toEqual([{ head, open: true, due: false }]);
      });
    });

    it('says how it is', async () => {
      const health = await store.health();
      expect(health.up).toBe(true);
      expect(health.says).not.toBe('');
    });
  });
}
