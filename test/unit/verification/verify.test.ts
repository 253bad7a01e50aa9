import { describe, expect, test } from 'vitest';
import type { OurChange } from '../../../src/incident/health.ts';
import {
  type Exchange,
  ExchangeError,
  type HealthRow,
  type ProbeResult,
  type Reply,
} from '../../../src/ports/exchange.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';
import { createVerifier, type FamilyToVerify } from '../../../src/verification/verify.ts';
import { facts, MINUTE, NINE, reply, row, run, SECOND, stubExchange } from '../../support/stub.ts';

const catalog = loadCatalog('config/health-sets.yaml');
const SERVERS = [facts('mbx1'), facts('mbx2'), facts('cas1'), facts('ex1')];
const CTP = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const LOAD = { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };

type Answer = Reply<ProbeResult | undefined> | ExchangeError;

/** A server with these rows; probes answer in turn, the last answer again and again. */
function look(rows: HealthRow[] | ExchangeError, probes: Answer[] = [], more: Partial<Exchange> = {}) {
  const asked: string[] = [];
  const left = [...probes];
  const exchange = stubExchange({
    organisation: async () => reply({ id: 'contoso.com', servers: SERVERS }),
    async serverHealth() {
      if (rows instanceof ExchangeError) throw rows;
      return reply(rows);
    },
    async invokeProbe(_server, identity) {
      asked.push(identity);
      const answer = left.length > 1 ? left.shift() : left[0];
      if (!answer) throw new Error(`the probe ${identity} was not expected to be run`);
      if (answer instanceof ExchangeError) throw answer;
      return answer;
    },
    ...more,
  });
  const verifier = createVerifier({
    exchange,
    catalog,
    clock: { now: () => NINE, speed: 1, epoch: 'contoso.com' },
    settings: { randomRuns: 3, backEndPattern: '_Mbx:\\s*([A-Za-z0-9._-]+)', rowGrace: 2 * MINUTE, probeTimeLimit: 1 },
  });
  return {
    asked,
    verifier,
    family: (given: Partial<FamilyToVerify> = {}) =>
      verifier.family({ server: 'cas1', family: 'IMAP', hints: [], ...given }),
  };
}

const unhealthy = (healthSet: string, name: string, more: Partial<HealthRow> = {}) =>
  row(healthSet, name, { alertValue: 'Unhealthy', ...more });
const sickCtp = unhealthy('IMAP', 'ImapCTPMonitor');
/** A change of ours that took ten seconds. */
const ended = (at: number): OurChange => ({ began: at - 10 * SECOND, ended: at });
const refused = reply(undefined, 'The probe could not be run');

describe('which probe is run, and how often', () => {
  const PROBES: { says: string; rows: HealthRow[]; probes: Answer[]; asked: string[]; verdict: string }[] = [
    {
      says: 'a probe that picks a random mailbox must succeed three times',
      rows: [sickCtp],
      probes: [run('Succeeded')],
      asked: Array(3).fill('IMAP\\ImapCTPProbe'),
      verdict: 'cleared',
    },
    {
      says: 'a probe that picks a random mailbox: the first failure is enough',
      rows: [sickCtp],
      probes: [run('Succeeded'), run('Failed'), run('Succeeded')],
      asked: Array(2).fill('IMAP\\ImapCTPProbe'),
      verdict: 'confirmed',
    },
    {
      says: 'a probe that does not is run once',
      rows: [unhealthy('IMAP.Protocol', 'ImapSelfTestMonitor')],
      probes: [run('Succeeded')],
      asked: ['IMAP.Protocol\\ImapSelfTestProbe'],
      verdict: 'cleared',
    },
    {
      says: 'monitors of the same name are distinguished by their target resource',
      rows: [
        unhealthy('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource: 'MSExchangeImap4BE' }),
        unhealthy('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource: 'Another' }),
      ],
      probes: [run('Succeeded')],
      asked: ['IMAP.Protocol\\ImapSelfTestProbe\\MSExchangeImap4BE', 'IMAP.Protocol\\ImapSelfTestProbe\\Another'],
      verdict: 'cleared',
    },
    {
      says: 'a single row with a target resource needs none in the identity',
      rows: [unhealthy('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource: 'MSExchangeImap4BE' })],
      probes: [run('Failed')],
      asked: ['IMAP.Protocol\\ImapSelfTestProbe'],
      verdict: 'confirmed',
    },
    {
      says: 'a monitor without a probe is judged by its row, whatever else could be run',
      rows: [unhealthy('IMAP', LOAD.monitor)],
      probes: [],
      asked: [],
      verdict: 'confirmed',
    },
    {
      says: 'a monitor that the catalog does not know is judged by its row',
      rows: [unhealthy('IMAP', 'ImapNewMonitor')],
      probes: [],
      asked: [],
      verdict: 'confirmed',
    },
    {
      says: 'rows of other families are not verified',
      rows: [unhealthy('ActiveSync', 'ActiveSyncCTPMonitor'), row('IMAP.Proxy', 'ImapProxyTestMonitor')],
      probes: [run('Succeeded')],
      asked: ['IMAP.Proxy\\ImapProxyTestProbe'],
      verdict: 'cleared',
    },
    {
      says: 'the most basic of several monitors is verified first',
      rows: [sickCtp, unhealthy('IMAP.Protocol', 'ImapSelfTestMonitor')],
      probes: [run('Failed')],
      asked: ['IMAP.Protocol\\ImapSelfTestProbe', 'IMAP\\ImapCTPProbe'],
      verdict: 'confirmed',
    },
    {
      says: 'no row is unhealthy and no alert named one: every probe of the family is run',
      rows: [row('IMAP', 'ImapCTPMonitor'), row('IMAP', LOAD.monitor), row('IMAP.Proxy', 'ImapProxyTestMonitor')],
      probes: [run('Succeeded')],
      asked: ['IMAP.Proxy\\ImapProxyTestProbe', ...Array(3).fill('IMAP\\ImapCTPProbe')],
      verdict: 'cleared',
    },
    {
      says: 'a monitor that someone disabled is left out',
      rows: [row('IMAP', 'ImapCTPMonitor', { alertValue: 'Disabled' }), row('IMAP.Proxy', 'ImapProxyTestMonitor')],
      probes: [run('Succeeded')],
      asked: ['IMAP.Proxy\\ImapProxyTestProbe'],
      verdict: 'cleared',
    },
  ];
  test.each(PROBES)('$says', async ({ rows, probes, asked, verdict }) => {
    const cas = look(rows, probes);
    expect((await cas.family()).verdict).toBe(verdict);
    expect(cas.asked).toEqual(asked);
  });
});

describe('the monitor in an alert is a hint', () => {
  const quiet = [row('IMAP', 'ImapCTPMonitor'), row('IMAP.Proxy', 'ImapProxyTestMonitor')];

  test('if no row is unhealthy, its probe is run', async () => {
    const cas = look(quiet, [run('Failed')]);
    const verified = await cas.family({ hints: [{ healthSet: 'imap.proxy', monitor: 'imapproxytestmonitor' }] });
    expect([verified.verdict, cas.asked]).toEqual(['confirmed', ['IMAP.Proxy\\ImapProxyTestProbe']]);
  });

  test('if another row is unhealthy, that one is verified', async () => {
    const cas = look([sickCtp, row('IMAP.Proxy', 'ImapProxyTestMonitor')], [run('Failed')]);
    const verified = await cas.family({ hints: [{ healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' }] });
    expect(verified.monitors.map(({ monitor }) => monitor)).toEqual(['ImapCTPMonitor']);
  });

  test('a spelling of the published headings is understood', async () => {
    const mbx = look([row('IMAP.Protocol', 'ImapDeepTestMonitor')], [run('Failed')]);
    await mbx.family({ server: 'mbx1', hints: [{ healthSet: 'IMAP.Protocol', monitor: 'ImapTestDeepMonitor' }] });
    expect(mbx.asked).toEqual(['IMAP.Protocol\\ImapDeepTestProbe']);
  });

  test('two alerts that name the same monitor lead to one run', async () => {
    const cas = look(quiet, [run('Failed')]);
    const hint = { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
    await cas.family({ hints: [hint, hint] });
    expect(cas.asked).toHaveLength(1);
  });

  test('an unknown name leads to every probe of the family', async () => {
    const cas = look(quiet, [run('Succeeded')]);
    await cas.family({ hints: [{ healthSet: 'IMAP', monitor: 'NoSuchMonitor' }] });
    expect(new Set(cas.asked)).toEqual(new Set(['IMAP.Proxy\\ImapProxyTestProbe', 'IMAP\\ImapCTPProbe']));
  });

  test('if their common name was given, both monitors are verified', async () => {
    const twin = (targetResource: string) => row('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource });
    const mbx = look([twin('a'), twin('b')], [run('Succeeded'), run('Failed')]);
    const verified = await mbx.family({ server: 'mbx1', hints: [SELF_TEST] });
    expect([verified.verdict, mbx.asked]).toEqual([
      'confirmed',
      ['IMAP.Protocol\\ImapSelfTestProbe\\a', 'IMAP.Protocol\\ImapSelfTestProbe\\b'],
    ]);
  });
});

describe('only what alerts named and was verified counts as healthy', () => {
  const quiet = [
    row('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource: 'MSExchangeImap4BE' }),
    row('IMAP', LOAD.monitor),
    row('IMAP.Proxy', 'ImapProxyTestMonitor', { alertValue: 'Disabled' }),
  ];
  const title = 'FIP-FS Scan Process failed initialization';
  type Case = {
    says: string;
    hints: FamilyToVerify['hints'];
    rows?: HealthRow[];
    family?: string;
    unverified?: string[];
    verdict?: string;
    asked?: string[];
  };
  const self = ['IMAP.Protocol\\ImapSelfTestProbe'];
  const CASES: Case[] = [
    { says: 'its monitor, whose probe succeeded: verified', hints: [SELF_TEST], asked: self },
    { says: 'a health set, whose probe succeeded: verified', hints: [{ healthSet: 'imap.protocol' }], asked: self },
    {
      says: 'a health set without a probe, whose rows are healthy: verified',
      hints: [{ healthSet: 'IMAP' }],
      asked: self,
    },
    { says: 'a monitor without a probe, whose row is healthy: verified', hints: [LOAD], asked: [] },
    {
      says: 'a monitor without its health set: verified by its name',
      family: '*',
      hints: [{ monitor: 'ImapSelfTestMonitor' }],
      asked: self,
    },
    {
      says: 'a monitor under the name of its family: verified',
      hints: [{ healthSet: 'IMAP', monitor: 'ImapSelfTestMonitor' }],
      asked: self,
    },
    { says: 'an existing target resource: verified', hints: [{ ...SELF_TEST, targetResource: 'MSEXCHANGEIMAP4BE' }] },
    {
      says: 'the health set in place of a target resource: verified',
      hints: [{ ...SELF_TEST, targetResource: 'IMAP.Protocol' }],
    },
    {
      says: 'the family in place of a target resource: verified',
      hints: [{ ...SELF_TEST, targetResource: 'IMAP' }],
    },
    {
      says: 'the server in place of a target resource: verified',
      hints: [{ ...SELF_TEST, targetResource: 'CAS1.contoso.com' }],
    },
    {
      says: 'a target resource of a monitor that has none: verified',
      hints: [{ ...LOAD, targetResource: 'MSExchangeImap4' }],
    },
    {
      says: 'a monitor of the catalog without a row, whose probe succeeded: verified',
      hints: [{ healthSet: 'IMAP.Protocol', monitor: 'ImapDeepTestMonitor' }],
      asked: ['IMAP.Protocol\\ImapDeepTestProbe'],
    },
    {
      says: 'no health set',
      family: '*',
      hints: [{ title, senderId: 'a' }],
      unverified: [`the alert "${title}" names no health set`],
    },
    {
      says: 'no health set and no title: by the sender’s id',
      family: '*',
      hints: [{ senderId: 'ticket-4711' }],
      unverified: ['the alert "ticket-4711" names no health set'],
    },
    {
      says: 'a health set that has no row there',
      hints: [{ healthSet: 'IMAP.Other', title: 't' }],
      unverified: ['the alert "t" names IMAP.Other, of which cas1 has no monitor'],
    },
    {
      says: 'a health set whose monitors are all disabled',
      hints: [{ healthSet: 'IMAP.Proxy', title: 't' }],
      unverified: ['the alert "t" names IMAP.Proxy, of which every monitor on cas1 is switched off'],
    },
    {
      says: 'a monitor that does not exist',
      hints: [{ healthSet: 'IMAP', monitor: 'NoSuchMonitor', title: 't' }],
      unverified: ['the alert "t" names the monitor IMAP\\NoSuchMonitor, which cas1 does not have'],
    },
    {
      says: 'a monitor without its health set that does not exist',
      family: '*',
      hints: [{ monitor: 'NoSuchMonitor', title: 't' }],
      unverified: ['the alert "t" names the monitor NoSuchMonitor, which cas1 does not have'],
    },
    {
      says: 'a target resource that does not exist',
      hints: [{ ...SELF_TEST, targetResource: 'Another', title: 't' }],
      unverified: [
        'the alert "t" names the target resource Another, which IMAP.Protocol\\ImapSelfTestMonitor does not have on cas1',
      ],
    },
    {
      says: 'one that was verified and one that could not be',
      hints: [SELF_TEST, { healthSet: 'IMAP.Other', title: 't' }],
      unverified: ['the alert "t" names IMAP.Other, of which cas1 has no monitor'],
    },
    {
      says: 'one of another family: it is verified separately later',
      hints: [SELF_TEST, { healthSet: 'FIPS', title: 't' }, { title }],
    },
    {
      says: 'many that cannot be verified: the rest is counted',
      family: '*',
      hints: Array.from({ length: 9 }, (_, index) => ({ title: `t${index}` })),
      unverified: [
        ...[0, 1, 2].map((index) => `the alert "t${index}" names no health set`),
        'and 6 more alerts name nothing that could be verified',
      ],
    },
    {
      says: 'a long title with control characters: it is cut and made harmless',
      family: '*',
      hints: [{ title: `\u001b[31m\n${'x'.repeat(500)}` }],
      unverified: [`the alert " [31m ${'x'.repeat(113)}…" names no health set`],
    },
    {
      says: 'a disabled monitor: inconclusive',
      hints: [{ healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' }],
      verdict: 'inconclusive',
    },
    {
      says: 'another monitor than the one that looked unhealthy and was healthy: that one too',
      rows: [unhealthy('IMAP.Protocol', 'ImapDeepTestMonitor'), ...quiet],
      hints: [SELF_TEST],
      asked: ['IMAP.Protocol\\ImapDeepTestProbe', ...self],
    },
  ];
  test.each(CASES)(
    '$says',
    async ({ hints, rows = quiet, family = 'IMAP', unverified, verdict = 'cleared', asked }) => {
      const cas = look(rows, [run('Succeeded')]);
      const verified = await cas.family({ family, hints });
      expect([verified.verdict, verified.unverified]).toEqual([verdict, unverified]);
      if (asked) expect(cas.asked).toEqual(asked);
    },
  );

  test('the reason says what was verified and what was not', async () => {
    const verified = await look(quiet, [run('Succeeded')]).family({ family: '*', hints: [{ title }] });
    expect(verified.reason).toBe(
      `The alert "${title}" names no health set, so the report was not verified. ` +
        'Everything that was verified on cas1 is healthy (1 of 3 monitors judged, 1 probe run; their rows: 2 Healthy, 1 Disabled)',
    );
  });

  test('a family whose monitors are all disabled: inconclusive, with the reason', async () => {
    const off = quiet.map((one) => ({ ...one, alertValue: 'Disabled' as const }));
    const verified = await look(off).family({ hints: [{ healthSet: 'IMAP' }] });
    expect([verified.verdict, verified.reason]).toEqual([
      'inconclusive',
      'every monitor of IMAP on cas1 is switched off',
    ]);
  });

  test('unhealthy monitors are treated first, whatever else was reported', async () => {
    const verified = await look([sickCtp], [run('Failed')]).family({ family: '*', hints: [{ title }] });
    expect([verified.verdict, verified.unverified]).toEqual(['confirmed', undefined]);
  });
});

describe('leaves alone what someone is repairing or has disabled', () => {
  test.each(['Repairing', 'Disabled'] as const)('%s: no probe is run, and nothing is decided', async (alertValue) => {
    const cas = look([row('IMAP', 'ImapCTPMonitor', { alertValue })], [run('Failed')]);
    const verified = await cas.family({ hints: [CTP] });
    expect([verified.verdict, cas.asked]).toEqual(['inconclusive', []]);
    expect(verified.evidence.at(-1)?.says).toContain(alertValue);
  });
});

describe('a probe without a result: a fresh row decides', () => {
  const unreachable = new ExchangeError('unreachable', 'WinRM');
  const before = NINE - 30 * SECOND;
  const FALLBACKS: { says: string; row: HealthRow; probe: Answer; change?: OurChange; verdict: string }[] = [
    { says: 'refused, and the row is Unhealthy', row: sickCtp, probe: refused, verdict: 'confirmed' },
    { says: 'unreachable, and the row is Unhealthy', row: sickCtp, probe: unreachable, verdict: 'confirmed' },
    { says: 'quarantined, and the row is Unhealthy', row: sickCtp, probe: run('Quarantined'), verdict: 'confirmed' },
    {
      says: 'refused, and the row is Healthy',
      row: row('IMAP', 'ImapCTPMonitor'),
      probe: refused,
      verdict: 'cleared',
    },
    {
      says: 'refused, and the row is stale',
      row: { ...sickCtp, isStale: true },
      probe: refused,
      verdict: 'inconclusive',
    },
    {
      says: 'refused, and the row is from before our change',
      row: sickCtp,
      probe: refused,
      change: ended(before),
      verdict: 'inconclusive',
    },
    {
      says: 'succeeded, whatever a stale row says',
      row: { ...sickCtp, isStale: true },
      probe: run('Succeeded'),
      verdict: 'cleared',
    },
  ];
  test.each(FALLBACKS)('$says', async ({ row: given, probe, change, verdict }) => {
    const cas = look([given], [probe]);
    const verified = await cas.family({ hints: [CTP], ...(change && { change }) });
    expect(verified.verdict).toBe(verdict);
  });

  test('a probe without a result is not run again in the same verification', async () => {
    const cas = look([sickCtp], [refused]);
    await cas.family();
    expect(cas.asked).toHaveLength(1);
  });

  test('failed attempts stay in the evidence, in the server’s own words', async () => {
    const verified = await look([sickCtp], [unreachable]).family();
    expect(verified.evidence.map(({ says, detail }) => [says, detail])).toEqual([
      ['ImapCTPProbe could not be run: unreachable', 'WinRM'],
      ['AlertValue of IMAP\\ImapCTPMonitor is Unhealthy', undefined],
    ]);
  });
});

describe('the mailbox server that a probe’s error names', () => {
  const NAMES: { says: string; error: string; backEnd: string | undefined }[] = [
    { says: 'by its short name', error: 'LOGIN failed _Mbx:mbx2 _Cafe:cas1', backEnd: 'mbx2' },
    { says: 'by its full name', error: '_Mbx:mbx2.contoso.com', backEnd: 'mbx2' },
    { says: 'in capitals', error: '_MBX: MBX2.CONTOSO.COM', backEnd: 'mbx2' },
    { says: 'a combined server', error: '_Mbx:ex1', backEnd: 'ex1' },
    { says: 'no server of the organisation', error: '_Mbx:evil', backEnd: undefined },
    { says: 'a name that only begins like one', error: '_Mbx:mbx22', backEnd: undefined },
    { says: 'a client access server', error: '_Mbx:cas1', backEnd: undefined },
    { says: 'no name', error: 'LOGIN failed', backEnd: undefined },
  ];
  test.each(NAMES)('$says', async ({ error, backEnd }) => {
    const verified = await look([sickCtp], [run('Failed', error)]).family();
    expect(verified.backEnd).toBe(backEnd);
    expect(verified.evidence[0]?.backEnd).toBe(backEnd);
  });

  test('is not read from a run that succeeded', async () => {
    expect((await look([sickCtp], [run('Succeeded', '_Mbx:mbx2')]).family()).backEnd).toBeUndefined();
  });
});

describe('a server or organisation that does not answer', () => {
  test('a server that is not in the organisation: another verification can not help', async () => {
    const verified = await look([]).family({ server: 'ghost' });
    expect(verified).toMatchObject({
      verdict: 'inconclusive',
      hopeless: true,
      reason: 'ghost is not a server of this organisation',
    });
  });

  test('health that could not be read: inconclusive, and the known facts of the server stay', async () => {
    const verified = await look(new ExchangeError('accessDenied', 'not in the role group')).family();
    expect(verified).toMatchObject({ verdict: 'inconclusive', facts: { server: 'cas1' }, monitors: [] });
    expect(verified).not.toHaveProperty('hopeless');
    expect(verified.evidence[0]?.detail).toBe('not in the role group');
  });

  test('an organisation that could not be read: inconclusive', async () => {
    const cas = look([], [], {
      organisation: async () => {
        throw new ExchangeError('sessionLimit', 'too many');
      },
    });
    const verified = await cas.family();
    expect(verified.reason).toContain('sessionLimit');
    expect(verified).not.toHaveProperty('hopeless');
    expect((await cas.verifier.monitors('cas1', [CTP], undefined)).verdict).toBe('inconclusive');
  });

  test('no row of the family at all: inconclusive', async () => {
    expect((await look([row('ActiveSync', 'ActiveSyncCTPMonitor')]).family()).verdict).toBe('inconclusive');
  });

  test('a bug is not taken for a result', async () => {
    const cas = look([], [], {
      serverHealth: async () => {
        throw new TypeError('not a function');
      },
    });
    await expect(cas.family()).rejects.toThrow(TypeError);
  });
});

describe('a recheck of certain monitors', () => {
  test('stops at the first unhealthy one', async () => {
    const cas = look([row('IMAP.Proxy', 'ImapProxyTestMonitor'), sickCtp], [run('Failed')]);
    const proxy = { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
    const verified = await cas.verifier.monitors('cas1', [CTP, proxy], undefined);
    expect(verified.verdict).toBe('confirmed');
    expect(cas.asked).toEqual(['IMAP.Proxy\\ImapProxyTestProbe']);
  });

  test('by a row from before our change: says when the next evaluation is due', async () => {
    const changedAt = NINE - 10 * SECOND;
    const verified = await look([unhealthy('IMAP', LOAD.monitor)]).verifier.monitors('cas1', [LOAD], ended(changedAt));
    expect([verified.verdict, verified.dueBy]).toEqual(['inconclusive', changedAt + 3 * MINUTE + 30 * SECOND]);
  });

  test('by an event-driven row: waits as long as an event may take, and then trusts it', async () => {
    const sick = unhealthy('IMAP', LOAD.monitor, { recurrenceSeconds: 0, lastExecution: NINE - 9 * 60 * MINUTE });
    const since = (ms: number) => look([sick]).verifier.monitors('cas1', [LOAD], ended(NINE - ms));
    const soon = await since(10 * SECOND);
    expect([soon.verdict, soon.dueBy]).toEqual(['inconclusive', NINE + 2 * MINUTE + 20 * SECOND]);
    expect((await since(2 * MINUTE + 30 * SECOND)).verdict).toBe('confirmed');
  });

  test.each([
    ['that should have been evaluated long ago', { lastExecution: NINE - 11 * MINUTE }, NINE - 10 * MINUTE],
    ['that is stale', { isStale: true }, NINE - 10 * SECOND],
  ])('by a row %s: it waits for nothing', async (_says, more, changedAt) => {
    const { verifier } = look([unhealthy('IMAP', LOAD.monitor, more)]);
    const verified = await verifier.monitors('cas1', [LOAD], ended(changedAt));
    expect([verified.verdict, verified.dueBy]).toEqual(['inconclusive', undefined]);
  });
});

describe('a whole health set, as a condition', () => {
  const SETS: { says: string; rows: HealthRow[] | ExchangeError; healthy: boolean | undefined }[] = [
    { says: 'every row is Healthy', rows: [row('IMAP', 'a'), row('IMAP', 'b')], healthy: true },
    { says: 'one row is Unhealthy', rows: [row('IMAP', 'a'), unhealthy('IMAP', 'b')], healthy: false },
    { says: 'one row is stale', rows: [row('IMAP', 'a'), row('IMAP', 'b', { isStale: true })], healthy: undefined },
    {
      says: 'one row is disabled, and the other Healthy',
      rows: [row('IMAP', 'a'), row('IMAP', 'b', { alertValue: 'Disabled' })],
      healthy: true,
    },
    { says: 'every row is disabled', rows: [row('IMAP', 'a', { alertValue: 'Disabled' })], healthy: undefined },
    {
      says: 'one row is event-driven, and Unhealthy for a long time',
      rows: [row('IMAP', 'a'), unhealthy('IMAP', 'b', { recurrenceSeconds: 0, lastExecution: 1 })],
      healthy: false,
    },
    { says: 'there is no row', rows: [row('IMAP.Proxy', 'a')], healthy: undefined },
    { says: 'it could not be read', rows: new ExchangeError('unreachable', 'x'), healthy: undefined },
  ];
  test.each(SETS)('$says', async ({ rows, healthy }) => {
    expect(await look(rows).verifier.healthSet('cas1', 'imap')).toBe(healthy);
  });
});
