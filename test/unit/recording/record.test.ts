import { describe, expect, it, test } from 'vitest';
import { type Exchange, ExchangeError, type HealthRow } from '../../../src/ports/exchange.ts';
import { probesOf } from '../../../src/recording/probes.ts';
import { LONGEST_TEXT } from '../../../src/recording/recording.ts';
import { summarise } from '../../../src/recording/summary.ts';
import { facts, reply, row } from '../../support/stub.ts';
import { labForTest } from '../lab/world.ts';
import { catalog, recordLab } from './recorded.ts';

/** Some verbs answer something else. */
const instead =
  (answers: Partial<Exchange>) =>
  (exchange: Exchange): Exchange => ({ ...exchange, ...answers });

const fails = (code: ExchangeError['code'], says: string) => async () => {
  throw new ExchangeError(code, says);
};

describe('what is recorded', () => {
  it('is everything that can be read of each server, by its roles', async () => {
    const { lab } = labForTest();
    const { servers, groups, databases, organisation } = await recordLab(lab);
    expect(organisation.value?.servers).toHaveLength(9);
    const common = ['server', 'serverHealth', 'services', 'bootTime', 'protocolLog'].concat([
      ...['componentStates', 'recoveryActions', 'activity'],
    ]);
    const keysOf = (name: string) => Object.keys(servers.find(({ server }) => server === name) ?? {}).sort();
    expect(keysOf('cas1')).toEqual(common.sort());
    expect(keysOf('mbx1')).toEqual([...common, 'mailboxServer', 'copiesOn'].sort());
    expect(groups.map(({ group }) => group)).toEqual(['dag1', 'dag2']);
    expect(databases.map(({ database }) => database).sort()).toEqual(
      ['DB01', 'DB02', 'DB03', 'DB04', 'DB05', 'DB11', 'DB12', 'DB91', 'DB92'].sort(),
    );
  });

  it('keeps the value, the warnings, when it was answered and how long it took', async () => {
    const { lab } = labForTest();
    const slow = async () => {
      const from = performance.now();
      while (performance.now() - from < 20);
      return reply({ bootedAt: 5, uptimeSeconds: 7 }, 'the clock is slow');
    };
    const { servers } = await recordLab(lab, { servers: ['mbx1'], around: instead({ bootTime: slow }) });
    expect(servers[0]?.bootTime).toEqual({
      at: lab.clock.now(),
      ms: expect.any(Number),
      value: { bootedAt: 5, uptimeSeconds: 7 },
      warnings: ['the clock is slow'],
    });
    expect(servers[0]?.bootTime?.ms).toBeGreaterThanOrEqual(20);
  });

  it('is a failure if the call failed, in the server’s words, and recording continues', async () => {
    const { lab } = labForTest();
    const recording = await recordLab(lab, {
      servers: ['mbx1'],
      probes: true,
      around: instead({ serverHealth: fails('accessDenied', 'not you'), services: fails('unreachable', 'gone') }),
    });
    expect(recording.servers[0]).toMatchObject({
      serverHealth: { failure: { code: 'accessDenied', says: 'not you' } },
      services: { failure: { code: 'unreachable', says: 'gone' } },
      bootTime: { value: {} },
      probes: [],
    });
    expect(summarise(recording).failed).toEqual([
      { about: 'mbx1', call: 'serverHealth', failure: { code: 'accessDenied', says: 'not you' } },
      { about: 'mbx1', call: 'services', failure: { code: 'unreachable', says: 'gone' } },
    ]);
  });

  it('fits the file: long texts are cut, and an invalid value is a bad reply', async () => {
    const { lab } = labForTest();
    const { servers } = await recordLab(lab, {
      servers: ['mbx1'],
      around: instead({
        copiesOn: fails('refused', 'x'.repeat(1e6)),
        bootTime: async () => reply({ bootedAt: Number.NaN, uptimeSeconds: 1 }),
        services: async () => reply([{ name: 'a', status: 'Melting' as never, startType: 'Manual' as const }]),
      }),
    });
    expect(servers[0]?.copiesOn?.failure?.says).toHaveLength(LONGEST_TEXT);
    expect(servers[0]?.bootTime?.failure).toEqual({
      code: 'badReply',
      says: expect.stringContaining('value.bootedAt'),
    });
    expect(servers[0]?.services?.failure).toEqual({
      code: 'badReply',
      says: expect.stringContaining('value.0.status'),
    });
  });

  it('an error that does not come from Exchange ends the recording', async () => {
    const { lab } = labForTest();
    const broken = async () => {
      throw new TypeError('undefined is not a function');
    };
    await expect(recordLab(lab, { around: instead({ activity: broken }) })).rejects.toThrow(TypeError);
  });

  it('recovery actions are those of the last day', async () => {
    const { lab } = labForTest();
    const asked: number[] = [];
    const recoveryActions: Exchange['recoveryActions'] = async (_, since) => {
      asked.push(lab.clock.now() - since);
      return reply([]);
    };
    await recordLab(lab, { servers: ['mbx1'], around: instead({ recoveryActions }) });
    expect(asked).toEqual([24 * 3_600_000]);
  });
});

describe('which servers', () => {
  test('are named by short or full names, in any case', async () => {
    const { servers } = await recordLab(labForTest().lab, { servers: ['MBX1', 'cas1.contoso.com'] });
    expect(servers.map(({ server }) => server)).toEqual(['mbx1', 'cas1']);
  });

  test('a typo is reported before anything else is read', async () => {
    const { lab } = labForTest();
    await expect(recordLab(lab, { servers: ['mbx11'] })).rejects.toThrow(
      'there is no server "mbx11" in the organisation; did you mean "mbx1"?',
    );
    expect(lab.commands().map(({ command }) => command)).toEqual(['Get-ExchangeServer']);
  });

  test('can be named even if the organisation does not answer', async () => {
    const around = instead({ organisation: fails('accessDenied', 'not the whole') });
    const recording = await recordLab(labForTest().lab, { servers: ['mbx1'], around });
    expect(recording.servers[0]?.copiesOn?.value).toHaveLength(4);
    expect(summarise(recording)).toMatchObject({ servers: 1, failed: [{ call: 'organisation' }] });
  });

  test('are none without that', async () => {
    const around = instead({ organisation: fails('unreachable', 'nobody') });
    expect(summarise(await recordLab(labForTest().lab, { around }))).toMatchObject({ servers: 0, answered: 0 });
  });
});

describe('probes', () => {
  const rows: HealthRow[] = [
    row('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource: 'MSExchangeImap4BE' }),
    row('imap.protocol', 'imapdeeptestmonitor'),
    row('OWA.Proxy', 'OWAProxyTestMonitor', { targetResource: 'MSExchangeOWAAppPool' }),
    row('OWA.Proxy', 'OWAProxyTestMonitor', { targetResource: 'MSExchangeOWACalendarAppPool' }),
    row('IMAP', 'AverageCommandProcessingTimeGt60sMonitor'),
    row('My', 'OwnMonitor'),
  ];

  it('are those that the catalog links to existing rows, with the daemon’s identities', () => {
    expect(probesOf(rows, catalog).map(({ identity }) => identity)).toEqual([
      'IMAP.Protocol\\ImapSelfTestProbe',
      'IMAP.Protocol\\ImapDeepTestProbe',
      'OWA.Proxy\\OWAProxyTestProbe\\MSExchangeOWAAppPool',
      'OWA.Proxy\\OWAProxyTestProbe\\MSExchangeOWACalendarAppPool',
    ]);
  });

  it('are run last, and only if requested', async () => {
    const { lab } = labForTest();
    await recordLab(lab, { servers: ['mbx1'] });
    expect(lab.commands().filter(({ command }) => command === 'Invoke-MonitoringProbe')).toEqual([]);
    const { seq } = lab.commands().at(-1)!;
    const { servers } = await recordLab(lab, { servers: ['mbx1', 'mbx2'], probes: true });
    const commands = lab.commands({ seq }).map(({ command }) => command);
    const first = commands.indexOf('Invoke-MonitoringProbe');
    expect(new Set(commands.slice(first))).toEqual(new Set(['Invoke-MonitoringProbe']));
    expect(servers[0]?.probes?.[0]).toMatchObject({
      identity: 'IMAP.Protocol\\ImapDeepTestProbe',
      monitor: { healthSet: 'IMAP.Protocol', name: 'ImapDeepTestMonitor', targetResource: 'MSExchangeImap4BE' },
      answer: { value: { resultType: 'Succeeded' }, warnings: [] },
    });
  });

  it('that are refused have their warnings and no value', async () => {
    const { lab } = labForTest();
    lab.post({ fault: 'no-object' });
    const { servers } = await recordLab(lab, { servers: ['mbx1'], probes: true });
    expect(servers[0]?.probes?.[0]?.answer).toMatchObject({ warnings: [expect.stringContaining('is not known')] });
    expect(servers[0]?.probes?.[0]?.answer).not.toHaveProperty('value');
  });
});

it('progress is reported, failures with their reason', async () => {
  const told: string[] = [];
  const around = instead({ copiesOf: fails('timedOut', 'No answer within 10000 ms.') });
  await recordLab(labForTest().lab, { servers: ['mbx9'], around, tell: (says) => told.push(says) });
  expect(told).toEqual([
    'the organisation: 9 servers',
    'mbx9: 88 monitors, 0 not healthy',
    'DB91: timedOut: No answer within 10000 ms.',
    'DB92: timedOut: No answer within 10000 ms.',
  ]);
});

it('a server in no group leads to no query for a group', async () => {
  const alone = async () => reply({ id: 'o', servers: [facts('mbx9')] });
  const { groups } = await recordLab(labForTest().lab, { around: instead({ organisation: alone }) });
  expect(groups).toEqual([]);
});
