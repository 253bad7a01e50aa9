/** `second-responder record`, and what begins with a recording. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type OpenExchange, recordCommand } from '../../../src/cli/commands/record.ts';
import { createProgram } from '../../../src/cli/index.ts';
import { createTerminal } from '../../../src/cli/output/terminal.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createLab } from '../../../src/lab/lab.ts';
import type { Release } from '../../../src/lib/release.ts';
import { openExchange } from '../../../src/open/exchange.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { readRecording } from '../../../src/recording/file.ts';

const FIXTURE = resolve('test/fixtures/recordings/exchange-2016.json');

let folder: string;
let closed: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'record-'));
  closed = 0;
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const lab = () => createLab({ speed: 1, virtual: true });
const opening =
  (from = lab()): OpenExchange =>
  async () => ({
    exchange: from.exchange(),
    clock: from.clock,
    says: 'a lab for tests',
    close: async () => void closed++,
  });

/** Runs the command; returns its output, its progress, and whether it found problems. */
async function record(args: string[], openIt = opening()) {
  const printed = { out: '', told: '', failed: false };
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed.told += String(text);
    return true;
  });
  const write = (text: string) => {
    printed.out += text;
  };
  const fail = () => {
    printed.failed = true;
  };
  const program = new Command().option('--config <file>').option('--json').exitOverride();
  recordCommand(program, { terminal: { ...createTerminal(process.stdout, {}), write }, fail }, openIt);
  await program.parseAsync(['record', ...args], { from: 'user' });
  return printed;
}

describe('record', () => {
  it('writes a file, shows its progress, and ends with a summary and what to review', async () => {
    const file = join(folder, 'a.json');
    const { out, told, failed } = await record(['--output', file, '--servers', 'mbx1, cas1']);
    expect(failed).toBe(false);
    expect(closed).toBe(1);
    expect(readRecording(file).servers.map(({ server }) => server)).toEqual(['mbx1', 'cas1']);
    expect(told).toMatch(
      /^Recording a lab for tests\. Nothing is changed\.\nthe organisation: 9 servers\nmbx1: 88 monitors/,
    );
    expect(told).not.toContain('Probes');
    expect(out).toContain('recorded: 2 servers, 1 group, 4 databases, 157 monitors, 0 probes\n');
    expect(out).toContain(`in ${file}, which only you can read`);
    expect(out).toMatch(
      /Review the file before you share it\. It contains the names of your servers.*--rename replaces them\./,
    );
    expect(out).toMatch(/\n {2}2 {2}log folders\n/);
  });

  it('says before it runs probes that they log on to mailboxes', async () => {
    const { told } = await record(['--output', join(folder, 'a.json'), '--servers', 'mbx9', '--probes']);
    expect(told).toMatch(/^Recording .*\nProbes run one at a time: they log on to Exchange’s health mailboxes/);
    expect(told).toMatch(/mbx9: probe 1 of 44, IMAP\.Protocol\\ImapDeepTestProbe: Succeeded/);
  });

  it('names failed calls with their reason, and continues', async () => {
    const broken = lab();
    broken.post({ fault: 'refuse', command: 'Get-ServerHealth', server: 'mbx1' });
    const file = join(folder, 'a.json');
    const { out, failed } = await record(['--output', file], opening(broken));
    expect(failed).toBe(false);
    expect(out).toMatch(
      /1 call failed, and stands there so:\n {2}mbx1 {2}serverHealth {2}refused {2}Get-ServerHealth: /,
    );
  });

  it('with --rename keeps the original names out of the file, and prints the mapping', async () => {
    const file = join(folder, 'a.json');
    const { out } = await record(['--output', file, '--rename']);
    expect(readRecording(file)).toMatchObject({ renamed: true, servers: expect.arrayContaining([]) });
    expect(out).toMatch(/Neutral names; this list is not saved:\n {2}srv1 +cas1 +server\n/);
    expect(JSON.stringify(readRecording(file))).not.toMatch(/mbx1|contoso|tokyo/i);
  });

  it('prints JSON with --json', async () => {
    const file = join(folder, 'a.json');
    const { out } = await record(['--output', file, '--servers', 'mbx9', '--json']);
    expect(JSON.parse(out)).toMatchObject({ servers: 1, databases: 2, failed: [], file, names: [] });
  });

  it('names the file after the time by default', async () => {
    const there = process.cwd();
    process.chdir(folder);
    try {
      await record(['--servers', 'mbx9', '--config', join(there, 'config/second-responder.yaml')]);
    } finally {
      process.chdir(there);
    }
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^recording-\d{8}-\d{6}\.json$/)]);
  });

  it('fails only if nothing at all could be read; then there is no file', async () => {
    const nobody: OpenExchange = async () => {
      const opened = await opening()({} as never);
      const organisation = async () => Promise.reject(new ExchangeError('accessDenied', 'not you'));
      return { ...opened, exchange: { ...opened.exchange, organisation } };
    };
    const file = join(folder, 'a.json');
    const { out, failed } = await record(['--output', file], nobody);
    expect(failed).toBe(true);
    expect(out).toBe(
      'nothing could be read; no file was written\n  organisation  organisation  accessDenied  not you\n',
    );
    expect(existsSync(file)).toBe(false);
    expect(closed).toBe(1);
  });

  it('reads nothing if the file already exists', async () => {
    const file = join(folder, 'a.json');
    writeFileSync(file, 'precious');
    const from = lab();
    await expect(record(['--output', file], opening(from))).rejects.toThrow(/already exists and is not overwritten/);
    expect(from.commands()).toEqual([]);
  });

  it('rejects an unknown server as wrong usage', async () => {
    await expect(record(['--output', join(folder, 'a.json'), '--servers', 'mbx11'])).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining('did you mean "mbx1"?'),
    });
    expect(closed).toBe(1);
    await expect(record(['--servers', 'a,,b'])).rejects.toThrow(/names, separated by commas/);
  });

  it('escapes control characters in what it prints', async () => {
    const broken = lab();
    const openIt: OpenExchange = async (config) => {
      const opened = await opening(broken)(config);
      const services = async () => Promise.reject(new ExchangeError('refused', '\u001b[2Jgone'));
      return { ...opened, exchange: { ...opened.exchange, services } };
    };
    const { out } = await record(['--output', join(folder, 'a.json'), '--servers', 'mbx9'], openIt);
    expect(out).toContain('refused  \\x1b[2Jgone');
  });
});

describe('a recording as the lab', () => {
  const configured = (yaml: string) => {
    writeFileSync(join(folder, 'sr.yaml'), yaml);
    return loadConfig({ file: join(folder, 'sr.yaml'), env: {}, cwd: folder }).config;
  };

  it('is the daemon’s organisation with lab.recording, and its notes are among the warnings', async () => {
    const releases: Release[] = [];
    const opened = await openExchange(configured(`lab: { recording: ${FIXTURE}, cure: none }`), releases);
    try {
      const { value } = await opened.exchange.organisation();
      expect(value.servers.map(({ server }) => server)).toEqual(['tok-ex01', 'tok-ex02', 'osa-ex01']);
      expect(opened.warnings).toContain(
        'Unhealthy monitors become faults that can be cured: ImapSelfTestMonitor on tok-ex01 (none)',
      );
    } finally {
      for (const release of releases) await release();
    }
  });

  it('is resolved relative to the configuration', () => {
    expect(configured('lab: { recording: mine.json }').lab.recording).toBe(join(folder, 'mine.json'));
  });

  it('cannot be combined with lab.organisation', () => {
    expect(() => configured('lab:\n  recording: a.json\n  organisation: b.yaml\n')).toThrow(
      /sr\.yaml:2:14: lab\.recording: cannot be combined with lab\.organisation/,
    );
  });

  it('cannot be combined with --organisation, and a bad file is reported with its position', async () => {
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const run = (...args: string[]) =>
      createProgram({ terminal: createTerminal(process.stdout, {}), fail: () => {} }).parseAsync(['lab', ...args], {
        from: 'user',
      });
    await expect(run('--recording', FIXTURE, '--organisation', 'b.yaml')).rejects.toMatchObject({ name: 'UsageError' });
    writeFileSync(join(folder, 'bad.json'), '{}');
    await expect(run('--recording', join(folder, 'bad.json'))).rejects.toThrow(/bad\.json: is not a recording/);
  });
});
