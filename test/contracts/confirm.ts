/** What is asked right before a command is sent, as every side of the Store port answers it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Head, Stale } from '../../src/ports/journal.ts';
import { journalOf } from '../support/journal.ts';
import type { StoreSide } from './store.ts';

const MINUTE = 60_000;

export function confirmContract(name: string, makeStore: () => Promise<StoreSide>): void {
  describe(name, () => {
    let side: StoreSide;
    let head: Head;
    beforeEach(async () => {
      side = await makeStore();
      const opening = { key: 'mbx1/IMAP', server: 'mbx1', family: 'IMAP' };
      const event = { type: 'opened' as const, data: { id: 'i', server: 'mbx1', family: 'IMAP' } };
      const opened = await side.store.append('i', { seq: 0, hash: '' }, event, { at: 1, worker: 'w', opening });
      if (!opened.ok) throw new Error('the incident was not opened');
      head = opened.head;
    });
    afterEach(() => side.close());

    const token = async (ms: number) => (await side.store.lease('i', 'w', ms))?.token;

    it('holds for the last entry, and for who has the lease', async () => {
      expect(await side.store.confirm('i', head)).toBe(true);
      expect(await side.store.confirm('i', head, await token(MINUTE))).toBe(true);
      expect((await journalOf(side.store, 'i'))?.head).toEqual(head);
    });

    it('is refused as stale once anything was written', async () => {
      const event = { type: 'cancelled' as const, data: { by: 'yuki' } };
      const cancelled = await side.store.append('i', head, event, { at: 2, worker: 'w', sure: true });
      await expect(side.store.confirm('i', head, await token(MINUTE))).rejects.toThrow(Stale);
      expect(cancelled.ok && (await side.store.confirm('i', cancelled.head))).toBe(true);
    });

    it.each([
      ['of another entry of the same number', () => ({ seq: 1, hash: 'f'.repeat(64) }), 'i'],
      ['that is further on', () => ({ ...head, seq: 2 }), 'i'],
      ['of an incident that is not there', () => head, 'nowhere'],
    ])('is refused as stale for a head %s', async (_, given, incident) => {
      await expect(side.store.confirm(incident, given())).rejects.toThrow(Stale);
    });

    const lost = () => expect.poll(() => side.store.overdue(Date.now() + MINUTE, 1)).toEqual(['i']);

    it('does not hold for a lease that was given back', async () => {
      const given = (await token(MINUTE)) ?? '';
      await side.store.release('i', given, null);
      expect(await side.store.confirm('i', head, given)).toBe(false);
    });

    it('does not hold for a lease that has run out, nor once another has it', async () => {
      const first = await token(20);
      await lost();
      expect(await side.store.confirm('i', head, first)).toBe(false);
      const second = await token(MINUTE);
      expect(await side.store.confirm('i', head, first)).toBe(false);
      expect(await side.store.confirm('i', head, second)).toBe(true);
    });
  });
}
