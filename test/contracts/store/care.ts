/** What a daemon compares with what it knows, and how the store is. */
import { describe, expect, it } from 'vitest';
import { type Given, slept } from './given.ts';

export function careContract(given: Given): void {
  const { wrote, append, open, finish } = given;

  describe('what a daemon compares with what it knows', () => {
    it('is the same given.store, however often it is looked at', async () => {
      await open('i1');
      for (let n = 0; n < 3; n += 1) {
        expect(await given.store.recognise([])).toEqual({ is: 'same', older: false, evicted: false });
        await finish(`j${n}`, await open(`j${n}`));
      }
      expect(await given.side.other?.recognise([])).toEqual(
        given.side.other && { is: 'same', older: false, evicted: false },
      );
    });

    it('is where each journal ends, whether it is open, and whether it will be advanced', async () => {
      const [sleeping, leased, over] = [await open('i1'), await open('i2'), await finish('i3', await open('i3'))];
      const later = wrote(await append('i1', sleeping, slept, { due: 9_000 }));
      await given.store.lease('i2', 'w1', 60_000);
      expect(await given.store.standings(['i1', 'i2', 'i3', 'i4'])).toEqual([
        { head: later, open: true, due: true },
        { head: leased, open: true, due: true },
        { head: over, open: false, due: false },
        undefined,
      ]);
      expect(await given.store.standings([])).toEqual([]);
    });

    it('is an open incident that nobody will ever advance', async () => {
      const head = wrote(await append('i1', await open('i1'), slept, { due: null }));
      expect(await given.store.standings(['i1'])).toEqual([{ head, open: true, due: false }]);
    });
  });

  it('says how it is', async () => {
    const health = await given.store.health();
    expect(health.up).toBe(true);
    expect(health.says).not.toBe('');
  });
}
