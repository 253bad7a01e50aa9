import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/processes.ts';

const MAIN = join(process.cwd(), 'dist/main.js');

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command in this folder; its output has no colours, because it is not a terminal. */
function run(args: string[], cwd: string): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

/** A copy of the shipped configuration. */
let site: string;
beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), 'sr-playbooks-test-'));
  await cp('config', join(site, 'config'), { recursive: true });
});
afterAll(() => rm(site, { recursive: true, force: true }));

const test = (...args: string[]) => run(['playbooks', 'test', ...args], site);

/** `imap-protocol` with its first two steps swapped, in a file of its own. */
async function swapped(): Promise<string> {
  const text = await readFile(join(site, 'config/playbooks/imap-protocol.yaml'), 'utf8');
  const steps = text
    .replace('  - restart-service: MSExchangeIMAP4BE\n', '')
    .replace('  - fail-over-databases\n', '  - fail-over-databases\n  - restart-service: MSExchangeIMAP4BE\n');
  await writeFile(join(site, 'swapped.yaml'), steps.replace('  - recheck\n', ''));
  return 'swapped.yaml';
}

describe('second-responder playbooks test', () => {
  it('plays every shipped scenario; all pass, and every step is reached', async () => {
    const { code, out, err } = await test();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^✓ a wedged back end is drained and rebooted \(\d+ min .* simulated\)$/m);
    expect(out).toMatch(/^\d+ passed in /m);
    expect(out).not.toContain('✗');
  });

  it('goes red for a playbook with swapped steps, and plays only the scenarios that expect it', async () => {
    const playbook = await swapped();
    const { code, out } = await test('--playbook', playbook, '--filter', 'wedged back end is');
    expect(code).toBe(1);
    expect(out).toContain('✗ a wedged back end is drained and rebooted');
    expect(out).toMatch(/^ {4}> - Invoke-Command -ComputerName mbx1 \{ Restart-Service/m);
    expect(out).toMatch(/^ {6}\+ Invoke-Command -ComputerName mbx1 \{ Restart-Service/m);
    expect(out).toContain(`--playbook ${playbook}`);
    expect(out).toMatch(/^0 passed, 1 failed, \d+ left out in /m);
  });

  it('prints a command that shows the whole course', async () => {
    const { out } = await test('--playbook', await swapped(), '--filter', 'wedged back end is');
    const [, line = ''] = /whole course: second-responder (.*)$/m.exec(out) ?? [];
    const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const shown = await run(args, site);
    expect(shown.out).toMatch(/RECOVERED after/);
  });

  it('prints one JSON document with --json', async () => {
    const { code, out } = await test('--filter', 'ONLY COPY', '--json');
    const answer = JSON.parse(out);
    expect(code).toBe(0);
    expect(answer).toMatchObject({ ok: true, problems: [], failed: 0 });
    expect(answer.scenarios[0]).toMatchObject({ ok: true, outcome: 'escalated', notified: true, differences: [] });
    expect(answer).not.toHaveProperty('uncovered');
  });

  it('lists what no scenario reached', async () => {
    const file = 'config/playbooks/tests/imap-proxy.yaml';
    const [text, scripts] = await Promise.all([test(file), test(file, '--json')]);
    expect(text.out).toContain('  imap-ctp: no scenario runs it (config/playbooks/imap-ctp.yaml)');
    expect(JSON.parse(scripts.out).uncovered).toContainEqual(
      expect.objectContaining({ playbook: 'imap-ctp', steps: [] }),
    );
    expect(text.code).toBe(0);
  });

  it('writes JUnit XML that a parser accepts', async () => {
    const { code } = await test('--playbook', await swapped(), '--junit', 'report.xml');
    expect(code).toBe(1);
    const xml = await readFile(join(site, 'report.xml'), 'utf8');
    const parser =
      'import sys,xml.etree.ElementTree as e\nr=e.parse(sys.argv[1]).getroot()\n' +
      'print(r.tag,len(r.findall("testsuite/testcase")),len(r.findall("testsuite/testcase/failure")),r.get("tests"),r.get("failures"))';
    const python = spawnSync('python3', ['-c', parser, join(site, 'report.xml')], { encoding: 'utf8' });
    const cases = xml.match(/<testcase /g)?.length;
    const failures = xml.match(/<failure /g)?.length;
    expect(xml.match(/<\/testcase>/g)).toHaveLength(failures ?? 0);
    expect(failures).toBeGreaterThan(0);
    // Where there is no Python, the counts above are all that is checked.
    if (!python.error) expect(python.stdout).toBe(`testsuites ${cases} ${failures} ${cases} ${failures}\n`);
  });

  it.each<[says: string, args: string[], code: number, message: RegExp]>([
    ['a folder that is missing', ['no-such-folder'], 1, /no-such-folder: no such file or folder; record a scenario/],
    ['a file that is no scenario', ['config/second-responder.yaml'], 1, /scenario: is missing/],
    ['a file with nothing but a comment', ['empty.yaml'], 1, /empty\.yaml: contains no scenario/],
    ['a filter that nothing matches', ['--filter', 'qqq'], 1, /no scenario has "qqq" in its name/],
    ['a playbook that no scenario expects', ['--playbook', 'other.yaml'], 1, /no scenario expects the playbook other/],
    ['a playbook with a mistake', ['--playbook', 'config/second-responder.yaml'], 1, /second-responder\.yaml/],
    [
      'a report that cannot be written',
      ['--filter', 'transient', '--junit', 'no/folder/x.xml'],
      1,
      /could not be written: no such file or folder/,
    ],
    ['an unknown option', ['--colour'], 2, /unknown option/],
    ['JSON without an end', ['--watch', '--json'], 2, /cannot be combined/],
  ])('%s: says so, with the right exit code', async (_, args, code, message) => {
    const other = 'playbook: other\nsummary: x\nhandles: [OWA.Protocol\\OwaSelfTestMonitor]\nsteps: [escalate]\n';
    await writeFile(join(site, 'other.yaml'), other);
    await writeFile(join(site, 'empty.yaml'), '# later\n');
    const ran = await test(...args);
    expect(ran.code).toBe(code);
    expect(ran.out + ran.err).toMatch(message);
    expect(ran.err).not.toContain('    at ');
  });
});

describe('playbooks test --record', () => {
  it('writes what happens into a scenario that expects nothing yet, and then it passes', async () => {
    const file = 'new.yaml';
    const text = 'scenario: a new one # mine\nfaults: [{ fault: imap-proxy-hang, server: cas1 }]\nmode: auto\n';
    await writeFile(join(site, file), text);
    const missing = await test(file);
    expect(missing.out).toContain('expect: is missing; write what must happen, or let --record write what happens');
    const recorded = await test(file, '--record');
    expect(recorded).toMatchObject({ code: 0, out: expect.stringContaining('recorded in new.yaml:1; review') });
    const now = await readFile(join(site, file), 'utf8');
    expect(now.startsWith(text)).toBe(true);
    const again = await test(file, '--record');
    expect(again.out).toMatch(/^✓ a new one/);
    expect(await readFile(join(site, file), 'utf8')).toBe(now);
  });
});

describe('simulate --record', () => {
  it('writes a scenario that passes, beside the playbooks, and never replaces one', async () => {
    const simulate = (...args: string[]) =>
      run(['simulate', '--fault', 'imap-proxy-hang', '--server', 'cas2', '--mode', 'auto', ...args], site);
    const first = await simulate('--record', 'Proxy of cas2 hangs');
    const file = 'config/playbooks/tests/proxy-of-cas2-hangs.yaml';
    expect(first.out).toContain(`Recorded   ${file}; review what it expects`);
    const text = await readFile(join(site, file), 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../../scenario.schema.json');
    const second = await simulate('--record', 'Proxy of cas2 hangs');
    expect(second.code).toBe(1);
    expect(second.err).toContain('there is such a file already');
    const played = await test(file);
    await rm(join(site, file));
    expect(played.out).toContain('✓ Proxy of cas2 hangs');
  });

  it('requires a name', async () => {
    const { code, err } = await run(['simulate', '--record-to', 'x.yaml'], site);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--record-to requires --record') });
  });
});

describe('playbooks test --watch', () => {
  let child: ChildProcess;
  let out = '';
  let ended: Promise<number | null>;

  beforeEach(async () => {
    out = '';
    await mkdir(join(site, 'watched'), { recursive: true });
    const one = await readFile(join(site, 'config/playbooks/tests/imap-proxy.yaml'), 'utf8');
    const [first = ''] = one.split('---\n');
    await writeFile(join(site, 'watched/one.yaml'), first.replace('../../lab/', '../config/lab/'));
    child = spawn(process.execPath, [MAIN, 'playbooks', 'test', 'watched', '--watch', '--junit', 'watched.xml'], {
      cwd: site,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
    child.stdout?.on('data', (chunk) => (out += chunk));
    await rounds(1);
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(join(site, 'watched'), { recursive: true, force: true });
  });

  const rounds = (count: number) =>
    until(
      async () => out.split('Waiting for changes').length - 1,
      (seen) => seen >= count,
      60_000,
    );
  const edit = async (from: string, to: string) => {
    const file = join(site, 'watched/one.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(`${file}.swap`, text.replace(from, to));
    await rename(`${file}.swap`, file);
  };

  it('plays again after each change, waits while a file is broken, and ends at Ctrl-C', async () => {
    expect(out).toContain('1 passed');
    await edit('outcome: recovered', 'outcome: escalated');
    await rounds(2);
    expect(out).toMatch(/changed: watched\/one\.yaml[\s\S]*1 failed/);
    await edit('outcome: escalated', 'outcome: [');
    await rounds(3);
    expect(out).toMatch(/one\.yaml:\d+:\d+: not valid YAML/);
    await edit('outcome: [', 'outcome: recovered');
    await rounds(4);
    expect(out.split('changed:').at(-1)).toContain('1 passed');
    const playbook = join(site, 'config/playbooks/imap-proxy.yaml');
    await writeFile(playbook, `${await readFile(playbook, 'utf8')}\n# edited\n`);
    await rounds(5);
    expect(out).toContain('changed: config/playbooks/imap-proxy.yaml');
    expect(await readFile(join(site, 'watched.xml'), 'utf8')).toContain('tests="1" failures="0"');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  it('survives that its folder is removed', async () => {
    await rename(join(site, 'watched'), join(site, 'away'));
    await rounds(2);
    expect(out).toContain('watched: no such file or folder');
    await rename(join(site, 'away'), join(site, 'watched'));
    await rounds(3);
    expect(out.split('changed:').at(-1)).toContain('1 passed');
  });
});
