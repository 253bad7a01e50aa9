/** `doctor` with a real PowerShell and the lab behind Exchange commands. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { type ServedLab, serveLab } from '../../src/adapters/lab/serve.ts';
import { loadConfig } from '../../src/config/load.ts';
import { diagnose, type Line } from '../../src/doctor/index.ts';
import type { Release } from '../../src/lib/release.ts';
import { openExchange, sessionsOf } from '../../src/open/exchange.ts';
import { inspectStore } from '../../src/open/store.ts';
import { told } from '../unit/doctor/site.ts';
import { beginRun, processesOf } from './processes.ts';

const engines = inject('engines');

it.runIf(engines.length === 0)('doctor is not tested without PowerShell', ({ skip }) => skip());

describe.each(engines)('through $name', ({ executable }) => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  let served: ServedLab;
  beforeAll(async () => {
    served = await serveLab({ port: 0, speed: 1, virtual: true });
  });
  afterAll(async () => {
    await served.close();
    rmSync(folder, { recursive: true });
  });
  const releases: Release[] = [];
  const release = async () => {
    for (const one of releases.splice(0).reverse()) await one();
  };
  beforeEach(() => served.lab.reset());
  afterEach(async () => {
    vi.unstubAllEnvs();
    await release();
  });

  interface Asked {
    exchange?: Record<string, unknown>;
    mode?: string;
    servers?: string[];
    signal?: AbortSignal;
  }

  async function doctor({ exchange = {}, mode = 'auto', servers, signal }: Asked = {}): Promise<Line[]> {
    const file = join(folder, 'second-responder.yaml');
    const way = { kind: 'lab', url: served.url, through: 'powershell', executable, sessions: 2, ...exchange };
    writeFileSync(file, JSON.stringify({ exchange: way, safety: { mode } }));
    return diagnose(
      {
        load: () => loadConfig({ file, env: {}, cwd: folder }),
        open: (config) => openExchange(config, releases),
        store: inspectStore,
        sessions: sessionsOf,
        address: () => undefined,
        daemon: async () => ({ answers: 'nobody' }),
        hostname: 'responder1',
      },
      {
        limit: 45_000,
        signal: signal ?? new AbortController().signal,
        ...(servers && { servers }),
      },
    );
  }

  /** The one line about something. */
  const about = (lines: Line[], check: string) => {
    const found = lines.filter((line) => line.check === check);
    expect(found).toHaveLength(1);
    return told(found)[0] ?? '';
  };

  const SERVER =
    /^ok server \w+: Windows by jea in \d+ ms; clock \d\.\d s off; Get-ServerHealth gives \d+ rows, none stale; the newest \d+(\.\d)? s old$/;

  it('finds nothing to do on a healthy lab, changes nothing and runs no probe', async () => {
    const before = served.lab.commands().length;
    const lines = await doctor();
    expect(lines.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(about(lines, 'PowerShell')).toMatch(/^ok PowerShell: 7\.\S+ Core on \S+, by node-powershell, as \S+, whose/);
    for (const endpoint of ['ex1.contoso.com', 'ex2.contoso.com']) {
      expect(about(lines, `endpoint ${endpoint}`)).toMatch(/a session opened in \d+ ms; every command is available$/);
    }
    expect(about(lines, 'organisation')).toBe(
      'ok organisation: 9 servers in 3 groups: cas:Tokyo (2), dag1 (4), dag2 (2); in no group: mbx9',
    );
    const servers = lines.filter(({ check }) => check.startsWith('server '));
    expect(servers).toHaveLength(9);
    for (const line of told(servers)) expect(line).toMatch(SERVER);
    const sent = served.lab.commands().slice(before);
    expect(sent.filter(({ effect }) => effect !== 'none')).toEqual([]);
    expect(new Set(sent.map(({ command }) => command))).toEqual(new Set(['Get-ExchangeServer', 'Get-ServerHealth']));
  });

  it('reports missing rights, missing commands and wrong clocks', async () => {
    vi.stubEnv('EXCHANGE_LAB_HIDE', 'Set-MailboxServer,Get-PopSettings,Restart-TargetComputer');
    vi.stubEnv('EXCHANGE_LAB_DENY', 'ex2,mbx1');
    vi.stubEnv('EXCHANGE_LAB_SKEW_SECONDS', 'mbx2=45,cas1=-5');
    const lines = await doctor({ servers: ['mbx1', 'mbx2', 'cas1'] });
    expect(about(lines, 'endpoint ex1.contoso.com')).toMatch(
      /^bad endpoint ex1\.contoso\.com: (\S+) has no right to Get-PopSettings, Set-MailboxServer; a session opened in \d+ ms → .*\n {2}deploy\/jea\/New-SecondResponderRole\.ps1 -Member '\1' -WhatIf$/,
    );
    expect(about(lines, 'endpoint ex2.contoso.com')).toMatch(
      /^bad endpoint ex2\.contoso\.com: accessDenied: Connecting to remote server ex2\.contoso\.com failed.*Access is denied.* → .*New-SecondResponderRole\.ps1/s,
    );
    expect(about(lines, 'server mbx1')).toMatch(
      /^bad server mbx1: Windows accessDenied: .*; Get-ServerHealth gives \d+ rows, none stale; .* → Give \S+ access to the endpoint SecondResponder.*\n {2}deploy\/jea\/Install-SecondResponderEndpoint\.ps1 -Account '\S+' -ComputerName mbx1\.contoso\.com -WhatIf\n/,
    );
    expect(about(lines, 'server mbx2')).toMatch(
      /^bad server mbx2: it does not offer Restart-TargetComputer; its clock is 45 s ahead of this machine’s; /,
    );
    expect(about(lines, 'server cas1')).toMatch(/; its clock is 5\.0 s behind this machine’s; /);
  });

  it('requires no right to change anything in observe mode', async () => {
    vi.stubEnv('EXCHANGE_LAB_HIDE', 'Set-MailboxServer,Set-ImapSettings,Set-PopSettings,Restart-TargetComputer');
    const lines = await doctor({ servers: ['mbx1'], mode: 'observe' });
    expect(lines.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(about(lines, 'endpoint ex1.contoso.com')).toMatch(
      /no right to Set-MailboxServer, Set-ImapSettings, Set-PopSettings, not needed while/,
    );
    expect(about(lines, 'server mbx1')).toContain('it offers read commands only');
  });

  it('says how to check an endpoint and a server that are down', async () => {
    const exchange = served.lab.exchange('a person');
    for (const server of ['ex2', 'mbx1']) {
      const { value } = await exchange.bootTime(server);
      const change = { notAfter: served.lab.clock.now() + 60_000, caller: 'a person', scope: [] };
      await exchange.restartServer(server, value, change);
    }
    served.lab.clock.advance(20_000);
    const lines = await doctor({ servers: ['mbx1', 'mbx2'] });
    expect(about(lines, 'endpoint ex1.contoso.com')).toMatch(/^ok /);
    expect(about(lines, 'endpoint ex2.contoso.com')).toMatch(
      /^bad endpoint ex2\.contoso\.com: unreachable: Connecting to remote server .* → Try it from \S+:\n {2}Test-NetConnection ex2\.contoso\.com -Port 80\n/,
    );
    expect(about(lines, 'server mbx1')).toMatch(
      /^bad server mbx1: Windows unreachable: .*; Get-ServerHealth unreachable: .* → Try it from \S+:\n {2}Test-NetConnection mbx1\.contoso\.com -Port 5985\n[^→]*WinRM service\.$/,
    );
    expect(about(lines, 'server mbx2')).toMatch(SERVER);
  });

  it('reports an account that uses all sessions, and skips what requires one', async () => {
    served.lab.post({ fault: 'session-limit' });
    const lines = await doctor();
    for (const endpoint of ['ex1.contoso.com', 'ex2.contoso.com']) {
      expect(about(lines, `endpoint ${endpoint}`)).toMatch(
        /^bad .*: sessionLimit: .*maximum number of connections allowed : 18.* → Exchange allows an account 18 sessions at a time.*-MaxConcurrency 30 -WhatIf$/s,
      );
    }
    expect(told(lines).filter((line) => line.startsWith('skipped'))).toEqual([
      'skipped organisation: no session could be opened with any endpoint',
      'skipped servers: the organisation could not be read',
      'skipped this machine: the organisation could not be read',
    ]);
  });

  it.each([
    [
      'local',
      'utc',
      /^bad server mbx1: the newest timestamp is 9 h in the future: times are in local time but are read as UTC; .*unspecified-times: local \}$/s,
    ],
    ['local', 'local', SERVER],
    ['utc', 'utc', SERVER],
    [
      'utc',
      'local',
      /^bad server mbx1: the newest timestamp is 9 h in the past: times are in UTC but are read as local time; .*unspecified-times: utc \}$/s,
    ],
  ])('detects from the rows whether times in %s are read as %s', async (come, read, expected) => {
    vi.stubEnv('TZ', 'Asia/Tokyo');
    vi.stubEnv('EXCHANGE_LAB_TIMES', come);
    const lines = await doctor({ servers: ['mbx1'], exchange: { 'unspecified-times': read } });
    expect(about(lines, 'server mbx1')).toMatch(expected);
  });

  it('connects to servers by WinRM if so configured', async () => {
    const lines = await doctor({ servers: ['cas1'], exchange: { targets: 'winrm' } });
    expect(about(lines, 'server cas1')).toMatch(/^ok server cas1: Windows by winrm in \d+ ms; clock/);
  });

  it.each([
    [
      'an executable that is not there',
      { executable: 'pwsh-of-another-name' },
      /^bad PowerShell: .*pwsh-of-another-name can't be started.* → Install PowerShell/,
    ],
    [
      'a program that is not PowerShell',
      { executable: '/bin/cat' },
      /^bad PowerShell: PowerShell did not start\. .* → /s,
    ],
    [
      'a folder without the modules',
      { modules: tmpdir() },
      /^bad PowerShell: .* → Its modules could not be loaded from /,
    ],
  ])('reports what to set for %s, and skips what depends on it', async (_, exchange, expected) => {
    const lines = await doctor({ exchange });
    expect(about(lines, 'PowerShell')).toMatch(expected);
    expect(lines.filter(({ state }) => state === 'skipped')).toHaveLength(4);
  });

  it('stops immediately and leaves no PowerShell process behind', async () => {
    // The lab's clock is stopped, so the answer never arrives.
    served.lab.post({ fault: 'slow', command: 'Get-ServerHealth', by: '1h' });
    const asked = () => served.lab.commands().some(({ command }) => command === 'Get-ServerHealth');
    const stop = new AbortController();
    const run = beginRun();
    const running = doctor({ servers: ['mbx1'], signal: stop.signal });
    await Promise.race([running, expect.poll(asked, { timeout: 45_000 }).toBe(true)]);
    stop.abort(new Error('Ctrl-C'));
    await expect(running).rejects.toThrow('Ctrl-C');
    await release();
    if (process.platform === 'linux') expect(processesOf(run)).toEqual([]);
  });
});
