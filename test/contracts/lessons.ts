/** What incidents learn from each other, as every side of the Store port remembers it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlaybookRun } from '../../src/incident/runs.ts';
import type { AppendOptions, Head } from '../../src/ports/journal.ts';
import type { StoreSide } from './store.ts';

const DAY = 24 * 3_600_000;
const NOW = 10 * DAY;

export function lessonsContract(name: string, makeStore: () => Promise<StoreSide>): void {
  describe(name, () => {
    let side: StoreSide;
    beforeEach(async () => {
      side = await makeStore();
    });
    afterEach(() => side.close());

    const open = async (id: string, server: string, family: string, more: Partial<AppendOptions> = {}) => {
      const opening = { key: `${server}/${family}`, server, family };
      const event = { type: 'opened' as const, data: { id, server, family } };
      const opened = await side.store.append(id, { seq: 0, hash: '' }, event, {
        at: NOW,
        worker: 'w',
        opening,
        ...more,
      });
      if (!opened.ok) throw new Error(`${id} was not opened`);
      return opened.head;
    };
    const finish = async (id: string, head: Head, runs: PlaybookRun[] = []) => {
      const finishing = { key: '', root: id, keepSlots: [], isRoot: true, outcome: 'escalated', runs };
      const data = { outcome: 'escalated' as const, reason: '', left: [], owed: [] };
      await side.store.append(id, head, { type: 'finished', data }, { at: NOW, worker: 'w', finishing });
    };
    /** Seen with these troubles, and no longer with those. */
    const saw = (server: string, at: number, seen: string[], gone: string[] = [], organisation = 'lab-1') =>
      open(`${server}-${at}-${seen}-${gone}-${organisation}`, `${server}-${at}-${seen}-${gone}-${organisation}`, 'X', {
        at,
        trouble: { organisation, server, seen, gone },
      });

    describe('the open incidents of a server', () => {
      it('with their families, and not once they are finished', async () => {
        const head = await open('i1', 'mbx1', 'IMAP');
        await open('i2', 'mbx1', 'Store');
        await open('i3', 'mbx2', 'IMAP');
        const here = await side.store.openOn('mbx1');
        expect(here.sort((a, b) => (a.incident < b.incident ? -1 : 1))).toEqual([
          { incident: 'i1', family: 'IMAP' },
          { incident: 'i2', family: 'Store' },
        ]);
        await finish('i1', head);
        expect(await side.store.openOn('mbx1')).toEqual([{ incident: 'i2', family: 'Store' }]);
        expect(await side.store.openOn('mbx9')).toEqual([]);
      });
    });

    describe('troubles', () => {
      it('are on the servers that were seen with any of them since then, each named once', async () => {
        await saw('mbx1', NOW, ['a', 'b']);
        await saw('mbx2', NOW - 500, ['b']);
        await saw('mbx3', NOW - 1_000, ['a']);
        expect(await side.store.troubled('lab-1', ['a', 'b'], NOW - 500)).toEqual(['mbx1', 'mbx2']);
        expect(await side.store.troubled('lab-1', ['a'], NOW - 1_000)).toEqual(['mbx1', 'mbx3']);
        expect(await side.store.troubled('lab-1', ['c'], 0)).toEqual([]);
        expect(await side.store.troubled('lab-1', [], 0)).toEqual([]);
      });

      it('are gone where a later look says so, and seen last counts', async () => {
        await saw('mbx1', NOW, ['a', 'b']);
        await saw('mbx1', NOW + 1, ['b'], ['a']);
        expect(await side.store.troubled('lab-1', ['a'], 0)).toEqual([]);
        expect(await side.store.troubled('lab-1', ['b'], NOW + 1)).toEqual(['mbx1']);
      });

      it('are of one organisation, and forgotten after a day', async () => {
        await saw('mbx1', NOW - DAY, ['a']);
        await saw('mbx2', NOW, ['a'], [], 'lab-2');
        expect(await side.store.troubled('lab-1', ['a'], 0)).toEqual(['mbx1']);
        await saw('mbx3', NOW, ['a']);
        expect(await side.store.troubled('lab-1', ['a'], 0)).toEqual(['mbx3']);
      });

      it('are named by whatever characters', async () => {
        await saw('mbx1', NOW, ['imap.protocol\\x "y" {z} ü']);
        expect(await side.store.troubled('lab-1', ['imap.protocol\\x "y" {z} ü'], 0)).toEqual(['mbx1']);
      });

      it('that stand with an entry which was refused are not noted', async () => {
        await open('i1', 'mbx1', 'IMAP');
        const opening = { key: 'mbx1/IMAP', server: 'mbx1', family: 'IMAP' };
        const event = { type: 'opened' as const, data: { id: 'i2', server: 'mbx1', family: 'IMAP' } };
        const trouble = { organisation: 'lab-1', server: 'mbx1', seen: ['a'], gone: [] };
        await side.store.append('i2', { seq: 0, hash: '' }, event, { at: NOW, worker: 'w', opening, trouble });
        expect(await side.store.troubled('lab-1', ['a'], 0)).toEqual([]);
      });
    });

    describe('who speaks for a matter', () => {
      it('is the first that asked, also for itself when it asks again', async () => {
        expect(await side.store.claimNotification('lab-1', 'm', 'i1', 60_000)).toBe('i1');
        expect(await (side.other ?? side.store).claimNotification('lab-1', 'm', 'i2', 60_000)).toBe('i1');
        expect(await side.store.claimNotification('lab-1', 'm', 'i1', 60_000)).toBe('i1');
        expect(await side.store.claimNotification('lab-1', 'n', 'i2', 60_000)).toBe('i2');
        expect(await side.store.claimNotification('lab-2', 'm', 'i2', 60_000)).toBe('i2');
      });

      it('is nobody as long as none has asked, and may be looked up', async () => {
        expect(await side.store.claimNotification('lab-1', 'm', undefined, 60_000)).toBeUndefined();
        await side.store.claimNotification('lab-1', 'm', 'i1', 60_000);
        expect(await side.store.claimNotification('lab-1', 'm', undefined, 60_000)).toBe('i1');
      });

      it('is another once nobody has asked for so long; whoever asks prolongs it', async () => {
        await side.store.claimNotification('lab-1', 'm', 'i1', 1);
        await expect.poll(() => side.store.claimNotification('lab-1', 'm', 'i2', 1)).toBe('i2');
      });

      it('is one of many that ask at once', async () => {
        const stores = [side.store, side.other ?? side.store];
        const asked = Array.from({ length: 20 }, (_, n) =>
          stores[n % 2]?.claimNotification('lab-1', 'm', `i${n}`, 60_000),
        );
        expect(new Set(await Promise.all(asked)).size).toBe(1);
      });
    });

    describe('runs of a playbook', () => {
      const run = (incident: string, playbook = 'p'): PlaybookRun => ({
        playbook,
        hash: 'h',
        incident,
        server: 'mbx1',
        at: NOW,
        outcome: 'escalated',
        acted: true,
        harmed: false,
      });
      const ran = async (id: string, ...runs: PlaybookRun[]) => {
        const start = { owner: id, organisation: 'lab-1', kill: [], claims: [], throttles: [] };
        const head = await open(id, id, 'IMAP');
        const event = { type: 'stepStarted' as const, data: { n: 1, note: {} } };
        const started = await side.store.append(id, head, event, { at: NOW, worker: 'w', start });
        if (started.ok) await finish(id, started.head, runs);
      };

      it('are kept by organisation and playbook, the newest first, twenty of them', async () => {
        for (let n = 1; n <= 21; n += 1) await ran(`i${n}`, run(`i${n}`), ...(n === 21 ? [run('i21', 'q')] : []));
        const { runs } = await side.store.runs('lab-1', 'p');
        expect(runs.map(({ incident }) => incident)).toEqual(Array.from({ length: 20 }, (_, n) => `i${21 - n}`));
        expect(runs[0]).toEqual(run('i21'));
        expect(await side.store.runs('lab-1', 'q')).toEqual({ runs: [run('i21', 'q')] });
        expect(await side.store.runs('lab-2', 'p')).toEqual({ runs: [] });
      });

      it('stand beside the last word of trust', async () => {
        await side.store.trust('lab-1', 'p', { by: 'jane', at: 1 });
        await side.store.trust('lab-1', 'p', { by: 'yuki', at: 2, note: 'mended' });
        const trusted = { by: 'yuki', at: 2, note: 'mended' };
        expect(await (side.other ?? side.store).runs('lab-1', 'p')).toEqual({ runs: [], trusted });
      });
    });
  });
}
