import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/problems.ts';
import { parseYaml } from '../../../src/config/yaml.ts';
import { loadCatalog, readCatalog } from '../../../src/verification/catalog.ts';

const catalog = loadCatalog('config/health-sets.yaml');

function problemsOf(text: string): string[] {
  try {
    readCatalog(parseYaml(text, 'c.yaml'));
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('the shipped catalog', () => {
  it('knows the 72 health sets', () => {
    expect(catalog.healthSets()).toHaveLength(72);
    expect(new Set(catalog.healthSets().map(({ name }) => name.toLowerCase())).size).toBe(72);
  });

  it('names a probe for every monitor that a probe verifies, and never the one that fails by design', () => {
    const monitors = catalog.healthSets().flatMap((entry) => entry.monitors);
    for (const monitor of monitors) {
      expect(Boolean(monitor.probe), monitor.monitor).toBe(monitor.verification === 'probe');
      expect(monitor.probe?.name).not.toBe('HealthManagerHeartbeatProbe');
    }
    expect(monitors.filter(({ verification }) => verification === 'probe')).toHaveLength(58);
  });

  it('runs probes that pick a random mailbox more than once', () => {
    const random = catalog
      .healthSets()
      .flatMap((entry) => entry.monitors)
      .filter(({ probe }) => probe?.randomMailbox);
    expect(random.map(({ monitor }) => monitor).sort()).toEqual([
      'ActiveSyncCTPMonitor',
      'AutodiscoverCtpMonitor',
      'EwsCtpMonitor',
      'ImapCTPMonitor',
      'OwaCtpMonitor',
      'PopCTPMonitor',
    ]);
  });

  it('puts the most basic monitor of a family first', () => {
    const order = ['ImapSelfTestMonitor', 'ImapDeepTestMonitor', 'ImapProxyTestMonitor', 'ImapCTPMonitor'];
    expect(catalog.probesOf('IMAP').map(({ monitor }) => monitor)).toEqual(order);
    expect(catalog.probesOf('imap')).toEqual(catalog.probesOf('IMAP'));
    const load = catalog.rank({ healthSet: 'IMAP', monitor: 'RequestsQueuedGt500Monitor' });
    expect(load).toBeGreaterThan(catalog.rank({ healthSet: 'IMAP', monitor: 'ImapCTPMonitor' }));
    expect(catalog.rank({ healthSet: 'IMAP', monitor: 'Unheard' })).toBeGreaterThan(load);
    expect(catalog.probesOf('NoSuchFamily')).toEqual([]);
  });

  it.each([
    ['imap.protocol', 'IMAPDEEPTESTMONITOR', 'IMAP.Protocol\\ImapDeepTestMonitor'],
    ['IMAP.Protocol', 'ImapTestDeepMonitor', 'IMAP.Protocol\\ImapDeepTestMonitor'],
    ['POP.Protocol', 'PopTestDeepMonitor', 'POP.Protocol\\PopDeepTestMonitor'],
    ['ActiveSync', 'ActiveSyncDeepTestMonitor', 'ActiveSync.Protocol\\ActiveSyncDeepTestMonitor'],
  ])('finds %s\\%s', (healthSet, monitor, expected) => {
    const found = catalog.find(healthSet, monitor);
    expect(`${found?.healthSet}\\${found?.monitor}`).toBe(expected);
  });

  it('distinguishes monitors of the same name in two health sets', () => {
    expect(catalog.find('IMAP', 'RequestsQueuedGt500Monitor')?.healthSet).toBe('IMAP');
    expect(catalog.find('ActiveSync', 'RequestsQueuedGt500Monitor')?.healthSet).toBe('ActiveSync');
    expect(catalog.find('OWA', 'RequestsQueuedGt500Monitor')).toBeUndefined();
  });

  it('judges slowness by its row, whichever probe a published table links to it', () => {
    expect(catalog.find('IMAP', 'AverageCommandProcessingTimeGt60sMonitor')).toMatchObject({
      verification: 'alert-value',
    });
  });

  it('knows the family, the roles and the dependencies of a health set', () => {
    const entry = catalog.healthSets().find(({ name }) => name === 'IMAP.Protocol');
    expect(entry).toMatchObject({ family: 'IMAP', roles: ['mailbox'], dependsOn: ['AD', 'Store'] });
  });
});

describe('a problem of a catalog is reported with its position', () => {
  const entry = (rest: string) => `health-sets:\n  A:\n    group: ServiceComponents\n    roles: [mailbox]\n    ${rest}`;
  it.each([
    ['depends-on: [B]', 'c.yaml:5:18: health-sets.A.depends-on[0]: there is no health set "B"; did you mean "A"?'],
    [
      'monitors: { M: {} }',
      'c.yaml:5:20: health-sets.A.monitors.M: names neither a probe nor verification: alert-value',
    ],
    [
      'monitors: { M: { verification: probe } }',
      'c.yaml:5:36: health-sets.A.monitors.M.verification: is "probe", but no probe is named',
    ],
    [
      'monitors: { M: { probe: P, verification: alert-value } }',
      'c.yaml:5:29: health-sets.A.monitors.M.probe: is never run: verification is "alert-value"',
    ],
    [
      'monitors: { M: { probe: Monitoring\\HealthManagerHeartbeatProbe } }',
      'c.yaml:5:29: health-sets.A.monitors.M.probe: fails by design on healthy servers: it proves nothing',
    ],
    ['monitors: { M: { probe: P }, m: { probe: P } }', 'c.yaml:5:34: health-sets.A.monitors.m: "m" already means A\\M'],
    ['gruop: x', 'c.yaml:5:5: health-sets.A.gruop: unknown key; did you mean "group"?'],
  ])('%s', (rest, expected) => expect(problemsOf(entry(rest))).toEqual([expected]));
});
