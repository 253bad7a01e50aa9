/** The store as journals: appending, chains, finding incidents, the feed. */
import { describe, expect, it } from 'vitest';
import { verifyChain } from '../../../src/incident/chain.ts';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import { Stale } from '../../../src/ports/journal.ts';
import { journalOf } from '../../support/journal.ts';
import { EMPTY, type Given, slept } from './given.ts';

export function journalsContract(given: Given): void {
  const { wrote, append, open, finish, entries, collect } = given;

  describe('journals', () => {
    it('knows no journal that nobody began', async () => {
      expect(await journalOf(given.store, 'nobody')).toBeUndefined();
    });

    it('reads back what was appended, in order, with its head', async () => {
      const head = wrote(await append('i1', await open('i1'), slept));
      const journal = await journalOf(given.store, 'i1');
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
      expect(result.ok && result.entry).toStrictEqual((await journalOf(given.store, 'i1'))?.entries[1]);
    });

    it('keeps empty lists lists and empty objects objects', async () => {
      const data = { n: 1, note: { list: [], object: {}, nested: [[], {}] } };
      await append('i1', await open('i1'), { type: 'stepStarted', data });
      expect((await journalOf(given.store, 'i1'))?.entries[1]?.data).toEqual(data);
    });

    it('reads a long journal in pages: all of it, in order, a part at a time', async () => {
      let head = await open('i1');
      const note = { text: 'x'.repeat(300_000) };
      for (let n = 2; n <= 9; n += 1)
        head = wrote(await append('i1', head, { type: 'stepStarted', data: { n, note } }));
      const pagesOf = async (limit?: number) => {
        const pages: number[][] = [];
        for (let after = 0; ; after = pages.at(-1)?.at(-1) ?? after) {
          const page = await given.store.page('i1', after, limit);
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
      expect((await journalOf(given.store, 'i1'))?.entries.map(({ seq }) => seq)).toEqual(numbers);
      expect(await given.store.page('i1', 9)).toEqual({ head, entries: [], more: false });
      expect(await given.store.page('nobody')).toBeUndefined();
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
      expect(await journalOf(given.store, 'i1')).toBeUndefined();
    });

    it('lets exactly one of many appenders on one head through', async () => {
      const head = await open('i1');
      const stores = [given.store, given.side.other ?? given.store];
      const tries = Array.from({ length: 20 }, (_, n) =>
        stores[n % 2]!.append('i1', head, slept, { at: n, worker: `w${n}` }),
      );
      const results = await Promise.allSettled(tries);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(Stale);
      expect(await entries('i1')).toBe(2);
    });

    it('lets exactly one of many openers of one key through', async () => {
      const stores = [given.store, given.side.other ?? given.store];
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, n) => {
          const data = { id: `i${n}`, server: 'mbx1', family: 'IMAP' };
          const options = { at: n, worker: 'w', opening: { key: 'one', server: 'mbx1', family: 'IMAP' } };
          return stores[n % 2]!.append(`i${n}`, EMPTY, { type: 'opened', data }, options);
        }),
      );
      expect(results.filter(({ ok }) => ok)).toHaveLength(1);
      expect(await given.store.openIncidents()).toHaveLength(1);
    });

    it('makes a chain that verifies', async () => {
      await finish('i1', wrote(await append('i1', await open('i1'), slept)));
      const journal = await journalOf(given.store, 'i1');
      expect(verifyChain(journal!.entries, journal!.head)).toEqual({ ok: true, entries: 3 });
    });

    it('shows an entry that somebody changed', async () => {
      if (!given.side.tamper) return;
      let head = wrote(await append('i1', await open('i1'), slept));
      head = wrote(await append('i1', head, slept));
      await given.side.tamper('i1', 2, (text) => text.replace('"waits"', '"nothing"'));
      const journal = await journalOf(given.store, 'i1');
      expect(verifyChain(journal!.entries, journal!.head)).toMatchObject({ ok: false, seq: 2 });
    });

    it('hands out copies: what a reader changes is not changed in the store', async () => {
      await open('i1');
      const journal = await journalOf(given.store, 'i1');
      journal!.entries[0]!.worker = 'somebody else';
      journal!.head.seq = 99;
      expect(await journalOf(given.store, 'i1')).toMatchObject({ head: { seq: 1 }, entries: [{ worker: 'w1' }] });
    });

    it('reads a finished journal exactly as it was before', async () => {
      let head = await open('i1', 'i1/imap', undefined);
      for (let n = 0; n < 20; n += 1) {
        const note = { says: `検証 ${n}`, text: 'a "quoted"\nline' };
        head = wrote(await append('i1', head, { type: 'stepStarted', data: { n, note } }));
      }
      const before = await journalOf(given.store, 'i1');
      await finish('i1', head);
      const after = await journalOf(given.store, 'i1');
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
      const journal = await journalOf(given.store, 'i1');
      expect(journal?.entries.map(({ type }) => type)).toEqual(['opened', 'finished', 'undone']);
      expect(verifyChain(journal!.entries, journal!.head)).toEqual({ ok: true, entries: 3 });
      expect(await given.store.openIncidents()).toEqual([]);
    });

    it('takes incident names of any characters', async () => {
      const id = 'i:1\n"x"{sr}é';
      await finish(id, await open(id));
      expect(await entries(id)).toBe(2);
      expect((await given.store.list({ limit: 5 })).ids).toEqual([id]);
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
      const first = await given.store.list({ limit: 2 });
      expect(first.ids).toEqual(['c', 'b']);
      expect(await given.store.list({ limit: 2, cursor: first.next! })).toEqual({ ids: ['a'] });
    });

    it('gives no next page after the last', async () => {
      await three();
      expect(await given.store.list({ limit: 3 })).toEqual({ ids: ['c', 'b', 'a'] });
    });

    it('goes on from a cursor whose incident has finished meanwhile', async () => {
      const { c } = await three();
      const first = await given.store.list({ state: 'open', limit: 1 });
      await finish('c', c, { key: 'kc' });
      expect((await given.store.list({ state: 'open', limit: 5, cursor: first.next! })).ids).toEqual(['b', 'a']);
    });

    it('lists by state and by time', async () => {
      const { b } = await three();
      await finish('b', b, { key: 'kb' });
      expect((await given.store.list({ state: 'open', limit: 5 })).ids).toEqual(['c', 'a']);
      expect((await given.store.list({ state: 'finished', limit: 5 })).ids).toEqual(['b']);
      expect((await given.store.list({ since: 200, limit: 5 })).ids).toEqual(['c', 'b']);
      expect((await given.store.openIncidents()).sort()).toEqual(['a', 'c']);
    });

    it('names a cursor that it did not give', async () => {
      await expect(given.store.list({ limit: 5, cursor: 'nonsense' })).rejects.toThrow(/cursor "nonsense"/);
    });
  });

  describe('the feed', () => {
    it('tells every entry of every journal, in order, from now on', async () => {
      const before = await open('before');
      const stop = new AbortController();
      const items = given.store.feed('', stop.signal);
      await finish('i1', await open('i1'));
      await append('before', before, slept);
      const got = await collect(items, 3);
      expect(got.map(({ incident, entry }) => [incident, entry.seq, entry.type])).toEqual([
        ['i1', 1, 'opened'],
        ['i1', 2, 'finished'],
        ['before', 2, 'slept'],
      ]);
      expect(got[0]?.entry).toEqual((await journalOf(given.store, 'i1'))?.entries[0]);
      stop.abort();
    });

    it('goes on after an id: nothing is lost, nothing comes twice', async () => {
      const stop = new AbortController();
      const items = given.store.feed('', stop.signal);
      let head = await open('i1');
      for (let n = 0; n < 5; n += 1) head = wrote(await append('i1', head, slept));
      const [, second] = await collect(items, 2);
      const rest = given.store.feed(second!.id, stop.signal);
      await append('i1', head, slept);
      expect((await collect(rest, 5)).map(({ entry }) => entry.seq)).toEqual([3, 4, 5, 6, 7]);
      stop.abort();
    });

    it('tells what comes while it is waited for, to every reader', async () => {
      const stop = new AbortController();
      const readers = [given.store.feed('', stop.signal), given.store.feed('', stop.signal)];
      const waiting = readers.map((items) => collect(items, 1));
      await open('i1');
      for (const got of await Promise.all(waiting)) expect(got).toMatchObject([{ incident: 'i1' }]);
      stop.abort();
    });

    it('ends by its signal, also while it waits', async () => {
      const stop = new AbortController();
      const iterator = given.store.feed('', stop.signal)[Symbol.asyncIterator]();
      const waiting = iterator.next();
      stop.abort();
      expect(await waiting).toEqual({ done: true, value: undefined });
    });

    it('ends when the given.store is closed', async () => {
      const iterator = given.store.feed('', new AbortController().signal)[Symbol.asyncIterator]();
      const waiting = iterator.next();
      await given.store.close();
      expect(await waiting).toEqual({ done: true, value: undefined });
    });

    it('takes an id that is none as from now on', async () => {
      const head = await open('i1');
      const items = given.store.feed('not an id', new AbortController().signal);
      await append('i1', head, slept);
      expect(await collect(items, 1)).toMatchObject([{ entry: { seq: 2 } }]);
    });
  });
}
