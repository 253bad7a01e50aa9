/** What a start takes and what refuses it: claims, slots, throttles, the kill switch. */
import { describe, expect, it } from 'vitest';
import type { AppendResult, ThrottleRule } from '../../../src/ports/journal.ts';
import { aDebt, type Given, MINUTE, slept, stepStarted } from './given.ts';

export function startsContract(given: Given): void {
  const { wrote, append, open, conditions, start, finish, entries } = given;

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
      expect(await given.store.ledger()).toEqual([]);
      expect(await given.store.overdue(1_000, 10)).toEqual([]);
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
      expect(await given.store.wouldRefuse(conditions('i1', { claims: ['mbx1'], slot }))).toBeUndefined();
      expect(await given.store.wouldRefuse(conditions('i2', { claims: ['mbx1'] }))).toEqual({
        by: 'claim',
        server: 'mbx1',
        owner: 'i1',
      });
      expect(
        await given.store.wouldRefuse(conditions('i2', { slot: { group: 'dag1', server: 'mbx2' } })),
      ).toMatchObject({
        by: 'slot',
        owner: 'i1',
      });
      expect(await given.store.wouldRefuse(conditions('i2', { claims: ['mbx2'] }))).toBeUndefined();
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
      expect(refusedBy(await start('i2', await open('i2'), { slot: { group: 'dag1', server: 'mbx2' } }))).toBe('slot');
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
      ['keep starts as long as the minutes between ask', { minutesBetween: 3 * 1_440 }, [2 * 1_440], 'minutesBetween'],
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
      expect(await start('c', await open('c'), { throttles: [rule('r', 120 * MINUTE, { perHour: 2 })] })).toMatchObject(
        {
          refused: { last: 110 * MINUTE, count: 2, limit: 'perHour' },
        },
      );
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
      given.store.setKillSwitch({ on: true, scope, by: 'aiko', reason, since: 7 });
    const off = async (scope: object) =>
      given.store.setKillSwitch({ on: false, scope, by: 'aiko', reason: '', since: 8 });

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
      expect((await given.store.killSwitches()).map(({ scope }) => scope)).toHaveLength(2);
      await off({ playbook: 'imap', server: 'MBX1' });
      expect((await given.store.killSwitches()).map(({ scope }) => scope)).toEqual([{ server: 'mbx1' }]);
      await off({ server: 'mbx1' });
      expect(await given.store.killSwitches()).toEqual([]);
    });

    it('stands once per scope, with its latest reason', async () => {
      await on({ server: 'mbx1' }, 'first');
      await on({ server: 'mbx1' }, '保守作業');
      expect(await given.store.killSwitches()).toMatchObject([{ on: true, reason: '保守作業' }]);
    });
  });
}
