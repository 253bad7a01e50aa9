/** The ledger of outstanding undo actions. */
import { describe, expect, it } from 'vitest';
import type { UndoAction } from '../../../src/incident/undo.ts';
import { aDebt, type Given, slept, stepStarted } from './given.ts';

export function ledgerContract(given: Given): void {
  const { wrote, append, open, finish } = given;

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
      expect(await given.store.ledgerOf('mbx1', 'activation', 'lab-1')).toEqual(entry);
      expect(await given.store.ledger()).toEqual([entry]);
    });

    it('keeps the value that was found first', async () => {
      await outstanding('i1', aDebt({ value: { activationBlocked: false } }));
      await outstanding('i2', aDebt({ value: { activationBlocked: true } }));
      expect(await given.store.ledgerOf('mbx1', 'activation', 'lab-1')).toMatchObject({
        incident: 'i1',
        debt: { value: { activationBlocked: false } },
      });
    });

    it('keeps servers, settings and worlds apart', async () => {
      await outstanding('i1', aDebt());
      await outstanding('i2', aDebt({ setting: 'imap-protocol-log' }));
      await outstanding('i3', aDebt({ server: 'mbx2' }));
      await outstanding('i4', aDebt(), 'lab-2');
      expect((await given.store.ledger()).map(({ incident }) => incident).sort()).toEqual(['i1', 'i2', 'i3', 'i4']);
      expect(await given.store.ledgerOf('mbx2', 'imap-protocol-log', 'lab-1')).toBeUndefined();
    });

    it('strikes out what is settled, and takes a new value then', async () => {
      const head = await outstanding('i1', aDebt());
      await append('i1', head, slept, { settle: [{ server: 'mbx1', setting: 'activation', organisation: 'lab-1' }] });
      expect(await given.store.ledger()).toEqual([]);
      await outstanding('i2', aDebt());
      expect(await given.store.ledgerOf('mbx1', 'activation', 'lab-1')).toMatchObject({ incident: 'i2' });
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
      expect((await given.store.ledger()).map(({ incident }) => incident)).toEqual(left);
    });

    it('outlives the incident', async () => {
      await finish('i1', await outstanding('i1', aDebt()));
      expect(await given.store.ledger()).toHaveLength(1);
    });
  });
}
