/** Rows as real servers have them: not all are driven by a clock, some are switched off, stale or old. */
import { describe, expect, test } from 'vitest';
import type { HealthRow } from '../../../src/ports/exchange.ts';
import { HOUR, labForTest, MINUTE, SECOND } from './world.ts';

const LOAD = { server: 'mbx1', healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };
const DAY = 24 * HOUR;

function site(row: object = {}) {
  const world = labForTest();
  const posted = Object.keys(row).length > 0 ? world.lab.post({ fault: 'row', ...LOAD, ...row }) : undefined;
  const load = async (): Promise<HealthRow & { age: number }> => {
    const found = (await world.rows('mbx1')).find(({ name }) => name === LOAD.monitor);
    if (!found) throw new Error('no row');
    return { ...found, age: world.lab.clock.now() - (found.lastExecution ?? Number.NaN) };
  };
  return { ...world, load, row: posted };
}

describe('a monitor that no clock drives', () => {
  test('keeps its row for as long as nothing happens, and is never stale', async () => {
    const { load, pass } = site({ every: '0s' });
    const before = await load();
    pass(3 * DAY);
    expect(await load()).toEqual({ ...before, age: before.age + 3 * DAY });
    expect(before).toMatchObject({ recurrenceSeconds: 0, alertValue: 'Healthy', isStale: false });
  });

  test('changes at once when something happens, in both directions, and says when that was', async () => {
    const { load, pass, lab } = site({ every: '0s' });
    pass(HOUR);
    const { id } = lab.post({ fault: 'imap-slow', server: 'mbx1', onset: true });
    expect(await load()).toMatchObject({ alertValue: 'Unhealthy', age: 0, lastTransition: lab.clock.now() });
    pass(HOUR);
    expect(await load()).toMatchObject({ alertValue: 'Unhealthy', age: HOUR });
    lab.remove(id);
    expect(await load()).toMatchObject({ alertValue: 'Healthy', age: 0 });
  });

  test('of an established trouble has said so for as long as the trouble has been there', async () => {
    const { load, lab } = site({ every: '0s' });
    lab.post({ fault: 'imap-slow', server: 'mbx1' });
    expect(await load()).toMatchObject({ alertValue: 'Unhealthy', age: 25 * MINUTE });
  });

  test('turns healthy in the moment of the cure', async () => {
    const { load, lab, restartService } = site({ every: '0s' });
    lab.post({ fault: 'imap-slow', server: 'mbx1' });
    await restartService('mbx1', 'MSExchangeIMAP4BE');
    const { startedAt } = (await lab.exchange().service('mbx1', 'MSExchangeIMAP4BE')).value;
    expect(await load()).toMatchObject({ alertValue: 'Healthy', lastExecution: startedAt });
  });

  test('is checked once when its server has booted', async () => {
    const { load, lab, restartServer } = site({ every: '0s' });
    lab.post({ fault: 'unfixable', ...LOAD });
    await restartServer('mbx1');
    expect(await load()).toMatchObject({ alertValue: 'Unhealthy', age: 2 * MINUTE });
  });

  test('is so on every server where Microsoft’s pages say so', async () => {
    const rows = await labForTest().rows('mbx1');
    const driven = rows.filter(({ recurrenceSeconds }) => recurrenceSeconds === 0).map(({ name }) => name);
    expect(driven).toEqual([
      'OwaIMInitializationFailedMonitor',
      'WacDiscoveryFailureEventMonitor',
      'SubmissionQueueMonitor',
      'QueueExternalAggregateMonitor',
      'MailboxTransportUserQuarantineMonitor',
      'MaintenanceFailureMonitor.FIPS',
      'MaintenanceTimeoutMonitor.FIPS',
    ]);
  });
});

describe('each trait of a row is set by itself, and gone with its fault', () => {
  const TRAITS: [row: object, shows: object][] = [
    [{ every: '5m' }, { recurrenceSeconds: 300, alertValue: 'Healthy', isStale: false }],
    [{ value: 'Disabled' }, { recurrenceSeconds: 60, alertValue: 'Disabled', isStale: false }],
    [{ stale: true }, { recurrenceSeconds: 60, alertValue: 'Healthy', isStale: true }],
    [{ age: '30d' }, { age: 30 * DAY, alertValue: 'Healthy' }],
    [{ age: 'never' }, { age: Number.NaN, alertValue: 'Healthy' }],
    [
      { every: '0s', value: 'Repairing', stale: true, age: '2h' },
      { recurrenceSeconds: 0, alertValue: 'Repairing', isStale: true, age: 2 * HOUR },
    ],
  ];
  test.each(TRAITS)('%j', async (row, shows) => {
    const { load, lab, pass, row: posted } = site(row);
    expect(await load()).toMatchObject(shows);
    lab.remove(posted!.id);
    pass(MINUTE);
    expect(await load()).toMatchObject({ recurrenceSeconds: 60, alertValue: 'Healthy', isStale: false });
    expect((await load()).age).toBeLessThanOrEqual(MINUTE);
  });

  test('of every row of a health set where no monitor is named', async () => {
    const { rows, lab } = site();
    lab.post({ fault: 'row', server: 'mbx1', healthSet: 'IMAP.Protocol', value: 'Disabled' });
    const off = (await rows('mbx1')).filter(({ alertValue }) => alertValue === 'Disabled');
    expect(off.map(({ name }) => name)).toEqual(['ImapDeepTestMonitor', 'ImapSelfTestMonitor']);
  });

  test('a row that is too old is so until its next turn', async () => {
    const { load, pass } = site({ age: '30d' });
    pass(MINUTE);
    expect((await load()).age).toBeLessThanOrEqual(MINUTE + SECOND);
  });

  test.each([
    [{ healthSet: 'IMAP.Proxy' }, /no rows of IMAP.Proxy/],
    [{ healthSet: 'IMAP', value: 'Healthy' }, /\/value/],
    [{ healthSet: 'IMAP', every: 'often' }, /\/every/],
  ])('%j is refused', (row, says) => {
    const { lab } = labForTest();
    expect(() => lab.post({ fault: 'row', server: 'mbx1', ...row })).toThrow(says);
    expect(lab.faults()).toEqual([]);
  });
});
