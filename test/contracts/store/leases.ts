/** Leases: which worker advances an incident, and when. */
import { describe, expect, it } from 'vitest';
import { type Given, slept } from './given.ts';

export function leasesContract(given: Given): void {
  const { wrote, append, open, finish } = given;

  describe('advancing', () => {
    const FAR = 600_000;
    const due = async (at = Date.now()) => given.store.overdue(at, 10);

    it('gives a lease to one worker at a time', async () => {
      await open('i1');
      const lease = await given.store.lease('i1', 'w1', FAR);
      expect(lease).toBeDefined();
      expect(await given.store.lease('i1', 'w2', FAR)).toBeUndefined();
      expect(await given.store.lease('i1', 'w1', FAR)).toBeUndefined();
      await given.store.release('i1', lease!.token, null);
      expect(await given.store.lease('i1', 'w2', FAR)).toBeDefined();
    });

    it('prolongs for the holder only', async () => {
      await open('i1');
      const lease = await given.store.lease('i1', 'w1', FAR);
      expect(await given.store.renew('i1', lease!.token, FAR)).toBe(true);
      expect(await given.store.renew('i1', 'w1/forged', FAR)).toBe(false);
      await given.store.release('i1', lease!.token, null);
      expect(await given.store.renew('i1', lease!.token, FAR)).toBe(false);
    });

    it('ignores a release by who lost it', async () => {
      await open('i1');
      await given.store.lease('i1', 'w1', FAR);
      expect(await given.store.release('i1', 'w1/forged', null)).toBe(false);
      expect(await given.store.lease('i1', 'w2', FAR)).toBeUndefined();
    });

    it('has it due when the append or the release said, and not before', async () => {
      const head = await open('i1');
      await append('i1', head, slept, { due: 500 });
      expect(await due(499)).toEqual([]);
      expect(await due(500)).toEqual(['i1']);
      const lease = await given.store.lease('i1', 'w1', FAR);
      await given.store.release('i1', lease!.token, 900);
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
      await given.store.lease('held', 'w1', FAR);
      await given.store.nudge('held', 60);
      expect(await due(1_000)).toEqual(['late', 'middle', 'later']);
      expect(await given.store.overdue(1_000, 1)).toEqual(['late']);
    });

    it('finds an incident whose worker died', async () => {
      await open('i1');
      await given.store.lease('i1', 'w1', 1);
      await expect.poll(() => given.store.overdue(Date.now(), 10)).toEqual(['i1']);
      expect(await given.store.lease('i1', 'w2', FAR)).toBeDefined();
    });

    it('refuses to prolong or release a lease that ran out', async () => {
      await open('i1');
      const lease = await given.store.lease('i1', 'w1', 1);
      await expect.poll(() => given.store.overdue(Date.now(), 10)).toEqual(['i1']);
      expect(await given.store.renew('i1', lease!.token, FAR)).toBe(false);
      expect(await given.store.release('i1', lease!.token, null)).toBe(false);
      expect(await due()).toEqual(['i1']);
    });

    it('makes an incident due by a nudge', async () => {
      await open('i1');
      await given.store.nudge('i1', 700);
      expect(await due(699)).toEqual([]);
      expect(await due(700)).toEqual(['i1']);
    });

    it('tells the holder on release that news came meanwhile, and is due now', async () => {
      await open('i1');
      const lease = await given.store.lease('i1', 'w1', FAR);
      await given.store.nudge('i1', Date.now());
      expect(await given.store.release('i1', lease!.token, null)).toBe(true);
      await expect.poll(() => due()).toEqual(['i1']);
    });

    it('does not tell a holder of news that came before', async () => {
      await open('i1');
      await given.store.nudge('i1', 10);
      const lease = await given.store.lease('i1', 'w1', FAR);
      expect(await given.store.release('i1', lease!.token, null)).toBe(false);
      expect(await due()).toEqual([]);
    });

    it('never has a finished incident due, whatever is said of it', async () => {
      const head = await open('i1');
      const lease = await given.store.lease('i1', 'w1', FAR);
      await given.store.nudge('i1', 5);
      await finish('i1', head);
      await given.store.nudge('i1', 5);
      expect(await given.store.release('i1', lease!.token, 5)).toBe(false);
      expect(await due()).toEqual([]);
    });
  });
}
