/** What node-powershell 5.0.1 does wrong, by number, and that none of it comes through the host. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PowerShell } from 'node-powershell';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { PowerShellHost, type PowerShellHostOptions } from '../../src/adapters/powershell/host.ts';
import { filesUnder, read } from '../rules/tree.ts';
import { beginRun, processesOf } from './processes.ts';

const FIXTURE = join(process.cwd(), 'test/powershell/Fixture.psm1');
const [engine] = inject('engines');
const executable = engine?.executable ?? '';
const linux = process.platform === 'linux';

/** A program that is the shell, and keeps what goes in and out. */
function recorder(directory: string): string {
  const program = join(directory, 'recorder');
  writeFileSync(program, `#!/bin/sh\ncd '${directory}'\ntee in | '${executable}' "$@" | tee out\n`, { mode: 0o755 });
  return program;
}

describe.runIf(engine)('what is wrong with the library', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sr-defects-'));
  const canary = join(directory, 'canary');
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  const makeHost = (options: Partial<PowerShellHostOptions> = {}) =>
    new PowerShellHost({ modules: [FIXTURE], shells: 1, executable, driver: 'node-powershell', ...options });
  let host: PowerShellHost;
  let library: PowerShell;
  beforeAll(() => {
    process.on('unhandledRejection', note);
    host = makeHost();
    library = new PowerShell({ executable });
  });
  afterAll(async () => {
    await host.close();
    await library.dispose('SIGKILL').catch(() => {});
    rmSync(directory, { recursive: true, force: true });
    process.off('unhandledRejection', note);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const echo = async (value: string) => (await host.invoke('Get-Echo', { value })).value;

  it('1. its templates run what stands in a value; here nothing uses them, and nothing runs', async () => {
    const value = `$([IO.File]::WriteAllText("${canary}", "ran"))`.replaceAll('"', "'");
    await library.invoke(PowerShell.command`Write-Output ${value}`);
    expect(existsSync(canary)).toBe(true);
    rmSync(canary);
    expect(await echo(value)).toEqual([value]);
    expect(existsSync(canary)).toBe(false);

    const uses = /PowerShell\s*\.\s*(command|invoke|\$)|\$`|\$\$`|convertToShell/;
    const sources = filesUnder('src/adapters/powershell', '.ts');
    expect(sources.filter((file) => uses.test(read(file)))).toEqual([]);
  });

  it('2. its converter rewrites what stands in records; here they come as they are', async () => {
    const value = { path: 'C:\\a,b', at: '12:30', missing: undefined };
    expect(PowerShell.command`${value}`).not.toContain('C:\\\\a,b');
    const { value: back } = await host.invoke('Get-Echo', { value });
    expect(back).toEqual([{ path: 'C:\\a,b', at: '12:30' }]);
  });

  it('3. a byte on stderr costs it the answer; here the answer stays', async () => {
    await expect(library.invoke('[Console]::Error.WriteLine("oops"); "answer"')).rejects.toThrow('oops');
    const { value } = await host.invoke('Get-Streams');
    expect(value).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('4. a shell that ends looks to it like an empty success; here it is a bad reply', async () => {
    const ending = new PowerShell({ executable });
    await expect(ending.invoke('exit 0')).resolves.toMatchObject({ raw: '', hadErrors: false });
    const ended = { code: 'badReply', message: expect.stringContaining('exit code 0') };
    await expect(host.invoke('Stop-Shell', { code: 0 })).rejects.toMatchObject(ended);
  });

  it('5. a program that is not there, or ends, rejects a promise of nobody’s; here it is somebody’s', async () => {
    const missing = makeHost({ executable: join(directory, 'none') });
    await expect(missing.invoke('Get-Nothing')).rejects.toMatchObject({ code: 'unreachable' });
    await missing.close();
    await expect(host.invoke('Stop-Shell', { code: 7 })).rejects.toMatchObject({ code: 'badReply' });
    // They are told of after the microtasks of this turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });

  it.runIf(linux)('6. it has no time limit that ends anything; here the shell and its children are ended', async () => {
    const run = beginRun();
    const limited = makeHost();
    await limited.invoke('Get-Nothing');
    await expect(limited.invoke('Wait-Child', {}, { timeLimit: 300 })).rejects.toMatchObject({ code: 'timedOut' });
    await expect.poll(() => processesOf(run)).toEqual([]);
    expect((await limited.invoke('Get-Echo', { value: 'next' })).value).toEqual(['next']);
    await limited.close();
  });

  it.each([
    ['an open quote', "'"],
    ['an open here-string', "@'\nx"],
    ['an open block', 'if (1) {\n'],
    ['an else on a line of its own', 'if (0) {\n1\n}\nelse {\n2\n}'],
    ['an open comment', '<# '],
  ])('7. %s leaves its shell waiting for ever; here it is data like any other', async (_, value) => {
    expect(await echo(value)).toEqual([value]);
  });

  it.runIf(linux)(
    '7. an answer in one piece with a Windows line end hangs its reader; here all have one character',
    async () => {
      const recorded = makeHost({ executable: recorder(directory) });
      expect((await recorded.invoke('Get-LineEnds')).value).toEqual(['\n', '\n']);
      await recorded.close();
      // Before the library writes anything of its own.
      const begin = '[Console]::Out.NewLine = [string][char]10\n[Console]::Error.NewLine = [string][char]10\n';
      expect(readFileSync(join(directory, 'in'), 'utf8').startsWith(begin)).toBe(true);
    },
  );

  it('8. warnings, verbose and host text stand in its answer; here each has its place', async () => {
    const { raw } = await library.invoke('Write-Warning "slow"; "data"');
    expect(raw).toContain('WARNING: slow');
    expect(await host.invoke('Get-Streams')).toMatchObject({
      value: [{ n: 1 }, { n: 2 }],
      warnings: ['slow "disk"'],
      errors: ['not so bad'],
    });
  });

  it('9. it keeps every command and answer; here nothing is kept', async () => {
    await library.invoke('"password-1"');
    expect(JSON.stringify(library.history)).toContain('password-1');
    const kept: PowerShell[] = [];
    const { invoke } = PowerShell.prototype;
    PowerShell.prototype.invoke = function (this: PowerShell, command: string) {
      kept.push(this);
      return invoke.call(this, command);
    };
    await echo('password-2').finally(() => {
      PowerShell.prototype.invoke = invoke;
    });
    expect(kept).toHaveLength(1);
    expect(kept[0]?.history).toEqual([]);
  });

  it.runIf(linux)('10. other scripts depend on code pages; here only ASCII is on the line, either way', async () => {
    const value = '異常 é 🔥 \u2028';
    const latin = makeHost({ executable: recorder(directory) });
    expect((await latin.invoke('Get-Echo', { value })).value).toEqual([value]);
    await latin.close();
    for (const way of ['in', 'out']) {
      const line = readFileSync(join(directory, way));
      expect(line.length).toBeGreaterThan(100);
      expect(line.every((byte) => byte < 0x80)).toBe(true);
    }
  });

  it.runIf(linux)('11. it does nothing where [Console] is forbidden; here the start fails and says why', async () => {
    const configuration = join(directory, 'locked.pssc');
    writeFileSync(configuration, "@{ SchemaVersion = '2.0.0.0'; LanguageMode = 'ConstrainedLanguage' }");
    const program = join(directory, 'locked');
    writeFileSync(program, `#!/bin/sh\nexec '${executable}' -ConfigurationFile '${configuration}' "$@"\n`, {
      mode: 0o755,
    });
    const locked = makeHost({ executable: program });
    await expect(locked.invoke('Get-Nothing')).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/language mode/),
    });
    await locked.close();
  });

  it('12. a terminal’s name makes programs write escapes; here the shell has a plain one', async () => {
    vi.stubEnv('TERM', 'screen-256color');
    const fresh = makeHost();
    expect((await fresh.invoke('Get-Shell')).value).toMatchObject([{ term: 'dumb' }]);
    await fresh.close();
  });
});
