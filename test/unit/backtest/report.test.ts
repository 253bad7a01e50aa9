import { expect, test } from 'vitest';
import { createBacktest, worseThanRecorded } from '../../../src/backtest/backtest.ts';
import type { Entry } from '../../../src/incident/event.ts';
import { bench } from '../../support/engine.ts';
import { journalOf } from '../../support/journal.ts';
import { backtestSettings, edited, journal, reportOf, shipped, steps } from './support.ts';

const PROTOCOL = ['restart-service: MSExchangeIMAP4BE', 'recheck'];
const DRAINED_REBOOT = ['fail-over-databases', 'confirm-no-active-copies', 'restart-server', 'recheck'];
const withoutReboot = () => backtestSettings(edited('imap-protocol', { steps: steps(PROTOCOL) }));
const withTwoReboots = () => {
  const list = [...PROTOCOL, ...DRAINED_REBOOT, 'restart-server', 'recheck'];
  return backtestSettings(edited('imap-protocol', { steps: steps(list) }));
};

test('sums are what was recorded, and from the least to the most that the new playbooks may do', async () => {
  const { incidents, differences, certainties, recorded, least, most } = await reportOf(
    ['protocol-restarted', 'protocol-rebooted', 'proxy-rebooted'],
    withoutReboot(),
  );
  expect({ incidents, differences }).toEqual({ incidents: 3, differences: { same: 2, 'earlier-end': 1 } });
  expect(certainties).toEqual({ known: 3, assumed: 0, unknown: 0 });
  expect([recorded.reboots, least.reboots, most.reboots]).toEqual([2, 1, 1]);
  expect([recorded.woken, least.woken, most.woken]).toEqual([0, 1, 1]);
  expect([recorded.recovered, least.recovered, most.recovered]).toEqual([3, 2, 2]);
});

test('an incident that may have another reboot comes first, then one that wakes a person', async () => {
  const names = ['protocol-restarted', 'protocol-escalated', 'protocol-rebooted'];
  const { findings } = await reportOf(names, withTwoReboots());
  expect(findings.map(({ most, recorded }) => most.reboots - recorded.figures.reboots)).toEqual([1]);
  const both = await reportOf(['protocol-escalated', 'protocol-rebooted'], withoutReboot());
  expect(both.findings.map(({ most, recorded }) => most.woken - recorded.figures.woken)).toEqual([1, 0]);
});

test('worse is a reboot that is possible, and a person who is woken for certain', async () => {
  const worseWith = async (names: string[], settings: ReturnType<typeof backtestSettings>) =>
    worseThanRecorded(await reportOf(names, settings)).length;
  expect(await worseWith(['protocol-escalated'], withTwoReboots())).toBe(1);
  expect(await worseWith(['protocol-rebooted'], withoutReboot())).toBe(1);
  const another = ['recheck', ...PROTOCOL, ...DRAINED_REBOOT];
  const checked = backtestSettings(edited('imap-protocol', { steps: steps(another) }));
  expect((await reportOf(['protocol-rebooted'], checked)).most.woken).toBe(1);
  expect(await worseWith(['protocol-rebooted'], checked)).toBe(0);
});

test('journals that are damaged, or of a newer version, are named and do not count; open incidents are counted', async () => {
  const backtest = createBacktest(backtestSettings(shipped()));
  const whole = journal('protocol-rebooted');
  await backtest.add('open', whole.slice(0, -1));
  await backtest.add('empty', []);
  await backtest.add('no-beginning', whole.slice(1));
  await backtest.add(
    'newer',
    whole.map((entry): Entry => ({ ...entry, version: 99 })),
  );
  await backtest.add(
    'holes',
    whole.filter(({ type }) => type !== 'matched'),
  );
  backtest.unreadable('garbage', 'is not JSON');
  const { incidents, open, unreadable } = backtest.report();
  expect({ incidents, open }).toEqual({ incidents: 0, open: 1 });
  expect(unreadable.map(({ incident }) => incident)).toEqual(['empty', 'no-beginning', 'newer', 'holes', 'garbage']);
  expect(unreadable.every(({ why }) => why.length > 0)).toBe(true);
});

test('an incident depends on the one that it opened, in whatever order they are read', async () => {
  const b = bench();
  b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
  const parent = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
  await b.run();
  const [child = ''] = (await b.incident(parent)).children;
  const entriesOf = async (id: string) => (await journalOf(b.store, id))?.entries ?? [];
  for (const ids of [
    [parent, child],
    [child, parent],
  ]) {
    const backtest = createBacktest(withoutReboot());
    for (const id of ids) await backtest.add(id, await entriesOf(id));
    const { findings } = backtest.report();
    const ofParent = findings.find(({ incident }) => incident === parent);
    expect(ofParent?.says).toEqual([`depends on ${child} on mbx2, which differs`]);
    expect(ofParent?.certainty).toBe('unknown');
  }
});

test('an incident is opened only if its parent still comes to that step', async () => {
  const b = bench();
  b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
  const parent = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
  await b.run();
  const [child = ''] = (await b.incident(parent)).children;
  const backtest = createBacktest(backtestSettings(edited('imap-ctp', { steps: steps(['escalate: a person']) })));
  for (const id of [parent, child]) await backtest.add(id, (await journalOf(b.store, id))?.entries ?? []);
  const ofChild = backtest.report().findings.find(({ incident }) => incident === child);
  expect(ofChild?.says).toEqual([`is opened only if ${parent} still comes to that step`]);
  expect(ofChild?.least.reboots).toBe(0);
});
