/** The store as a queue of alerts: each accepted once, and correlated with one open incident. */
import { describe, expect, it } from 'vitest';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import { Stale } from '../../../src/ports/journal.ts';
import { journalOf } from '../../support/journal.ts';
import { anAlert, EMPTY, type Given, WEEK } from './given.ts';

export function alertQueueContract(given: Given): void {
  const { wrote, append, open, start, finish, entries } = given;

  describe('alerts', () => {
    it('answers each alert of a list as new or as a repeat, in its order', async () => {
      await given.store.accept([anAlert('b')], WEEK);
      expect(await given.store.accept([anAlert('a'), anAlert('b'), anAlert('a')], WEEK)).toEqual([
        { id: 'a', repeat: false },
        { id: 'b', repeat: true },
        { id: 'a', repeat: true },
      ]);
    });

    it('accepts an empty list', async () => {
      expect(await given.store.accept([], WEEK)).toEqual([]);
    });

    it('keeps everything that an alert says, Japanese, quotes and line ends included', async () => {
      const alert = anAlert('a', {
        title: 'IMAP の正常性セット「異常」😀',
        description: 'line one\r\nline "two"\\ :{sr}: \u2028 end',
        repeatCount: 3,
      });
      await given.store.accept([alert], WEEK);
      expect(await given.store.pendingAlert('a')).toEqual({ alert, repeat: false });
    });

    it('takes ids of any characters', async () => {
      const id = 'a:b\n"c"{sr} d\u0000é';
      await given.store.accept([anAlert(id)], WEEK);
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual([id]);
      await open('i1', 'k', anAlert(id));
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual([]);
    });

    it('lists pending alerts from the oldest, only those received by then, up to a limit', async () => {
      const received = { new: 300, old: 100, middle: 200, tomorrow: 900 };
      await given.store.accept(
        Object.entries(received).map(([id, receivedAt]) => anAlert(id, { receivedAt })),
        WEEK,
      );
      expect(await given.store.pendingAlerts(500, 10)).toEqual(['old', 'middle', 'new']);
      expect(await given.store.pendingAlerts(500, 2)).toEqual(['old', 'middle']);
    });

    it('puts a repeat of an alert that was seen to back, marked as a repeat', async () => {
      await given.store.accept([anAlert('a')], WEEK);
      await given.store.dropPending('a');
      expect(await given.store.pendingAlert('a')).toBeUndefined();
      await given.store.accept([anAlert('a', { repeatCount: 2 })], WEEK);
      expect(await given.store.pendingAlert('a')).toMatchObject({ repeat: true, alert: { repeatCount: 2 } });
    });

    it('leaves an alert that still waits as it is when its repeat comes', async () => {
      await given.store.accept([anAlert('a', { title: 'first' })], WEEK);
      await given.store.accept([anAlert('a', { title: 'second' })], WEEK);
      expect(await given.store.pendingAlert('a')).toMatchObject({ repeat: false, alert: { title: 'first' } });
    });

    it('puts an alert of another matter back when its incident ends, as one to look at by itself', async () => {
      const alert = anAlert('a');
      await given.store.accept([alert], WEEK);
      const head = await open('i1', 'k', alert);
      expect(await given.store.pendingAlert('a')).toBeUndefined();
      await finish('i1', head, { requeue: [alert] });
      expect(await given.store.correlate('k', 'mbx1', 'lab-1', 0)).toEqual({});
      expect(await given.store.pendingAlert('a')).toEqual({ alert, repeat: false });
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual(['a']);
    });

    it('puts the newest of an alert back when it was sent several times', async () => {
      const sent = [1, 2].map((repeatCount) => anAlert('a', { repeatCount }));
      await finish('i1', await open('i1'), { requeue: sent });
      expect(await given.store.pendingAlert('a')).toEqual({ alert: sent[1], repeat: false });
    });

    it('puts an alert back as it was sent again meanwhile, where that waits already', async () => {
      const [alert, again] = [anAlert('a'), anAlert('a', { repeatCount: 2, inMaintenance: true })];
      await given.store.accept([alert], WEEK);
      const head = await open('i1', 'k', alert);
      await given.store.accept([again], WEEK);
      await finish('i1', head, { requeue: [alert] });
      expect(await given.store.pendingAlert('a')).toEqual({ alert: again, repeat: false });
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual(['a']);
    });

    it('gives an alert to one of two that open with it', async () => {
      await given.store.accept([anAlert('a')], WEEK);
      await open('i1', 'k1', anAlert('a'));
      await expect(open('i2', 'k2', anAlert('a'))).rejects.toThrow(Stale);
      expect(await journalOf(given.store, 'i2')).toBeUndefined();
    });

    it('counts alerts without an entry, remembers the last of them, and takes them all', async () => {
      const head = await open('i1');
      const alerts = ['a', 'b', 'c'].map((id, n) => anAlert(id, { repeatCount: n }));
      await given.store.accept(alerts, WEEK);
      const counting = { alertIds: ['a', 'b'], alerts: alerts.slice(0, 2), repeatCount: 7 };
      expect(await given.store.count('i1', counting)).toBe(true);
      // A repeat is taken, and counts for nothing.
      expect(await given.store.count('i1', { alertIds: ['c'], alerts: [], repeatCount: 2 })).toBe(true);
      expect(await given.store.page('i1')).toMatchObject({
        head,
        more: false,
        counted: { alerts: 2, newest: alerts[1] },
      });
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual([]);
      expect(await entries('i1')).toBe(1);
      await finish('i1', wrote(await start('i1', head)));
      expect((await given.store.page('i1'))?.counted).toEqual({ alerts: 2, newest: alerts[1] });
      expect((await given.store.lastOutcome('i1/imap', 'lab-1'))?.repeatCount).toBe(7);
    });

    it('counts nothing where an alert is not pending, or the incident not open', async () => {
      const head = await open('i1');
      const alerts = [anAlert('a')];
      await given.store.accept(alerts, WEEK);
      expect(await given.store.count('i1', { alertIds: ['a', 'gone'], alerts, repeatCount: 0 })).toBe(false);
      expect(await given.store.count('nobody', { alertIds: ['a'], alerts, repeatCount: 0 })).toBe(false);
      await finish('i1', head);
      expect(await given.store.count('i1', { alertIds: ['a'], alerts, repeatCount: 0 })).toBe(false);
      expect((await given.store.page('i1'))?.counted).toBeUndefined();
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual(['a']);
    });

    it('gives an alert to one of two that attach it', async () => {
      await given.store.accept([anAlert('a')], WEEK);
      const attached: IncidentEvent = { type: 'attached', data: { alerts: [anAlert('a')] } };
      const head = wrote(await append('i1', await open('i1'), attached, { attaching: { alertIds: ['a'] } }));
      await expect(append('i1', head, attached, { attaching: { alertIds: ['a'] } })).rejects.toThrow(Stale);
      expect(await entries('i1')).toBe(2);
      expect(await given.store.pendingAlert('a')).toBeUndefined();
    });
  });

  describe('correlation', () => {
    it('finds the open incident of a key, and none once it is finished', async () => {
      expect(await given.store.correlate('i1/imap', 'mbx1', 'lab-1', 0)).toEqual({});
      const head = await open('i1');
      expect(await given.store.correlate('i1/imap', 'mbx1', 'lab-1', 0)).toEqual({ open: 'i1' });
      await finish('i1', head);
      expect(await given.store.correlate('i1/imap', 'mbx1', 'lab-1', 0)).toEqual({});
    });

    it('answers who has the key when a second incident wants it, and writes nothing', async () => {
      await open('i1', 'mbx1/imap');
      const data = { id: 'i2', server: 'mbx1', family: 'IMAP' };
      const opening = { key: 'mbx1/imap', server: 'mbx1', family: 'IMAP' };
      expect(await append('i2', EMPTY, { type: 'opened', data }, { opening })).toEqual({ ok: false, open: 'i1' });
      expect(await journalOf(given.store, 'i2')).toBeUndefined();
      expect(await given.store.openIncidents()).toEqual(['i1']);
    });

    it('leaves the alert pending when the key is taken', async () => {
      await open('i1', 'mbx1/imap');
      await given.store.accept([anAlert('a')], WEEK);
      const data = { id: 'i2', server: 'mbx1', family: 'IMAP', alert: anAlert('a') };
      await append(
        'i2',
        EMPTY,
        { type: 'opened', data },
        { opening: { key: 'mbx1/imap', alertId: 'a', server: 'mbx1', family: 'IMAP' } },
      );
      expect(await given.store.pendingAlerts(2_000, 10)).toEqual(['a']);
    });

    it('knows who disrupts a server, in that organisation, until then, and while it is open', async () => {
      const disrupts = { servers: ['mbx1', 'mbx2'], until: 10_000 };
      const head = wrote(await start('i1', await open('i1'), { disrupts }));
      const who = async (server: string, organisation: string, at: number) =>
        (await given.store.correlate('other', server, organisation, at)).disrupting;
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
      await given.store.accept([first, second], WEEK);
      expect(await given.store.lastOutcome('i1/imap', 'lab-1')).toBeUndefined();
      let head = await open('i1', 'i1/imap', first);
      const attached: IncidentEvent = { type: 'attached', data: { alerts: [second] } };
      head = wrote(await append('i1', head, attached, { attaching: { alertIds: ['b'] } }));
      await finish('i1', wrote(await start('i1', head)));
      const last = await given.store.lastOutcome('i1/imap', 'lab-1');
      expect(last?.repeatCount).toBe(4);
      expect(last?.at).toBeGreaterThan(before);
      expect(last?.at).toBeLessThanOrEqual(Date.now() + 1);
      expect(await given.store.lastOutcome('i1/imap', 'lab-2')).toBeUndefined();
    });

    it('counts the recoveries of one matter in one organisation, since a time', async () => {
      for (const id of ['i1', 'i2', 'i3']) {
        const head = wrote(await start(id, await open(id, 'mbx1/imap')));
        await finish(id, head, { key: 'mbx1/imap', outcome: id === 'i2' ? 'escalated' : 'recovered' });
      }
      expect(await given.store.recoveries('mbx1/imap', 'lab-1', 0)).toEqual(['i1', 'i3']);
      expect(await given.store.recoveries('mbx1/imap', 'lab-1', 5_001)).toEqual([]);
      expect(await given.store.recoveries('mbx1/imap', 'lab-2', 0)).toEqual([]);
      expect(await given.store.recoveries('mbx1/owa', 'lab-1', 0)).toEqual([]);
    });

    it('keeps the outcome of an incident that never saw its organisation, for every organisation', async () => {
      await finish('i1', await open('i1'));
      expect(await given.store.lastOutcome('i1/imap', 'lab-7')).toMatchObject({ repeatCount: 0 });
    });
  });
}
