import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { type Cell, CURES, cellsOf } from '../../../src/drill/cells.ts';
import { type CellResult, drillCell } from '../../../src/drill/drill.ts';
import { drillPage } from '../../../src/drill/html.ts';
import { type DrillReport, inSentences, readReport, summarise, worseThan } from '../../../src/drill/report.ts';
import { createLab } from '../../../src/lab/lab.ts';
import { languageOf, loadPlaybooks } from '../../../src/playbooks/read.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);
const playbooks = loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog));
const { cells, servers } = await cellsOf(createLab({ speed: 1, virtual: true }).exchange('test'), playbooks);
const about = (server: string, monitor: string) =>
  cells.filter((one) => one.server === server && one.monitor === monitor);

describe('the cells of a drill', () => {
  it('take every step that changes something into account', () => {
    const changing = STEPS.filter(({ changes }) => changes).map(({ name }) => name);
    expect(Object.keys(CURES)).toEqual(expect.arrayContaining(changing));
  });

  it.each<[server: string, monitor: string, cures: string[]]>([
    ['mbx1', 'ImapSelfTestMonitor', ['restart-service:MSExchangeIMAP4BE', 'fail-over', 'restart-server', 'none']],
    ['cas1', 'ImapProxyTestMonitor', ['restart-service:MSExchangeIMAP4', 'restart-server', 'none']],
    [
      'cas1',
      'ImapCTPMonitor',
      ['restart-service on the back end', 'restart-server on the back end', 'restart-server', 'none'],
    ],
    ['mbx4', 'ImapSelfTestMonitor', []],
  ])(
    '%s\\%s has one for each cure in its playbook, in their order, and one that nothing cures',
    (server, monitor, cures) => {
      expect(about(server, monitor).map(({ cure }) => cure)).toEqual(cures);
    },
  );

  it('count the monitors of each server with and without a playbook', () => {
    expect(servers.find(({ server }) => server === 'cas1')).toEqual({
      server: 'cas1',
      group: 'cas:Tokyo',
      handled: 4,
      unhandled: 64,
    });
  });
});

describe('a cell', () => {
  const options = { config, catalog, playbooks };
  it.each<[server: string, monitor: string, cure: string, result: Partial<CellResult>]>([
    [
      'mbx1',
      'ImapSelfTestMonitor',
      'restart-service:MSExchangeIMAP4BE',
      { outcome: 'recovered', reboots: 0, woken: false },
    ],
    ['mbx1', 'ImapSelfTestMonitor', 'restart-server', { outcome: 'recovered', reboots: 1, woken: false }],
    ['mbx1', 'ImapSelfTestMonitor', 'none', { outcome: 'escalated', reboots: 1, woken: true, why: 'nothing-helped' }],
    ['mbx9', 'ImapSelfTestMonitor', 'restart-server', { outcome: 'escalated', reboots: 0, why: 'dag: only-copy' }],
    ['cas1', 'ImapCTPMonitor', 'restart-server on the back end', { outcome: 'recovered', reboots: 1, woken: false }],
  ])('%s\\%s, cured by %s', async (server, monitor, cure, result) => {
    const cell = about(server, monitor).find((one) => one.cure === cure) as Cell;
    expect(await drillCell(cell, {}, options)).toMatchObject({ server, cure, ...result });
  });

  it('that the organisation does not allow has no result', async () => {
    const cell = about('cas1', 'ImapProxyTestMonitor')[0] as Cell;
    const impossible = { ...cell, faults: [{ ...cell.faults[0], cure: 'fail-over' }] };
    expect(await drillCell(impossible, {}, options)).toBeUndefined();
  });

  it('in observe mode changes nothing, wakes nobody and says so', async () => {
    const cell = about('mbx1', 'ImapSelfTestMonitor')[0] as Cell;
    const observing = playbooks.map((one) => ({ ...one, mode: 'observe' as const }));
    expect(await drillCell(cell, {}, { ...options, playbooks: observing })).toMatchObject({
      outcome: 'suppressed',
      commands: [],
      woken: false,
      why: 'mode: observe',
    });
  });
});

const HEALED: CellResult = {
  server: 'mbx1',
  monitor: 'IMAP.Protocol\\ImapSelfTestMonitor',
  playbook: 'imap-protocol',
  cure: 'restart-server',
  outcome: 'recovered',
  minutes: 20,
  commands: ['mbx1 Restart-Computer'],
  serviceRestarts: 1,
  reboots: 1,
  woken: false,
  says: 'healthy',
};
const WOKEN: CellResult = {
  ...HEALED,
  outcome: 'escalated',
  woken: true,
  why: 'dag: quorum',
  says: 'quorum would be lost',
};
const reportOf = (...found: CellResult[]): DrillReport => ({
  format: 'second-responder drill',
  version: 1,
  organisation: 'contoso.com',
  at: '2026-01-01T00:00:00.000Z',
  complete: true,
  cells: found,
  servers: [{ server: 'mbx1', handled: 4, unhandled: 60 }],
});

describe('a report', () => {
  it('tells incidents that something cures from those that nothing cures', () => {
    const summary = summarise([
      HEALED,
      { ...HEALED, minutes: 40 },
      WOKEN,
      { ...WOKEN, cure: 'none', why: 'nothing-helped' },
    ]);
    expect(inSentences(summary)).toEqual([
      '2 of 3 incidents that a step of their playbook cures recovered without a person, half of them within 40 min and all within 40 min.',
      '1 of 1 incidents that nothing cures woke a person.',
    ]);
    expect(summary.notHealed.map(({ why, cells: count }) => [why, count])).toEqual([
      ['dag: quorum', 1],
      ['nothing-helped', 1],
    ]);
  });

  it.each<[says: string, before: CellResult[], after: CellResult[], worse: (RegExp | string)[]]>([
    ['the same', [HEALED], [HEALED], []],
    ['better', [WOKEN], [HEALED], []],
    ['a little longer', [HEALED], [{ ...HEALED, minutes: 24 }], []],
    ['much longer', [HEALED], [{ ...HEALED, minutes: 40 }], ['took 20 min before, and now 40 min']],
    ['more reboots', [HEALED], [{ ...HEALED, reboots: 2 }], ['needed 1 reboots before, and now 2']],
    ['a person woken', [HEALED], [WOKEN], ['recovered before, and now ends as escalated: quorum would be lost']],
    ['a monitor without its playbook', [HEALED], [], ['is no longer handled by a playbook']],
    ['a new cure', [], [WOKEN], []],
    ['a cure that is gone', [HEALED], [{ ...HEALED, cure: 'fail-over' }], []],
  ])('compared with its baseline: %s', (_, before, after, worse) => {
    expect(worseThan(reportOf(...before), reportOf(...after)).map(({ says }) => says)).toEqual(worse);
  });

  it('does not call cells worse that an interrupted drill did not play', () => {
    expect(worseThan(reportOf(HEALED), { ...reportOf(), complete: false })).toEqual([]);
  });

  it('is read back as it was written, and nothing else is', () => {
    const report = reportOf(HEALED, WOKEN);
    expect(readReport(JSON.stringify({ ...report, summary: summarise(report.cells) }), 'base.json')).toEqual(report);
    expect(() => readReport('{', 'base.json')).toThrow('base.json is not valid JSON');
    expect(() => readReport('{"format":"other"}', 'base.json')).toThrow(/base\.json is not a report.*\/format/);
  });
});

describe('the page', () => {
  const hostile = { ...WOKEN, server: '<script>alert(1)</script>', says: '"><img src=x onerror=alert(1)>' };
  const page = drillPage(reportOf(HEALED, hostile), []);

  it('has no script, and shows hostile names as text', () => {
    expect(page).not.toMatch(/<script|<img/);
    expect(page).toContain('&#60;script&#62;');
  });

  it('loads nothing from elsewhere', () => {
    expect(page).toContain("default-src 'none'");
    expect(drillPage(reportOf(HEALED), [])).not.toMatch(/<[^>]*\s(src|href)=/);
  });
});
