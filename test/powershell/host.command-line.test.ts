/** How PowerShell is started through another program: what stands on the command line, and what holds without any tie to it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { PowerShellHost } from '../../src/adapters/powershell/host.ts';
import { asking, FIXTURE, failure, hostsWith, PATIENT } from '../contracts/powershell-host.ts';
import { runs } from './host.sshd.ts';

const [engine] = inject('engines');
const powershell = engine?.executable ?? '';

it('node-powershell can’t place what stands before PowerShell’s own switches, and is not asked to', () => {
  const through = { modules: [FIXTURE], executable: 'ssh', arguments: ['jump', 'pwsh'] };
  expect(() => new PowerShellHost(through)).toThrow(TypeError);
  expect(() => new PowerShellHost({ ...through, driver: 'node-powershell' })).toThrow(/Only the driver child_process/);
  expect(() => new PowerShellHost({ ...through, driver: 'child_process' })).not.toThrow();
  expect(() => new PowerShellHost({ ...through, arguments: [] })).not.toThrow();
});

describe.runIf(engine && process.platform === 'linux')('PowerShell behind another program', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sr-command-line-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const makeHost = hostsWith({ driver: 'child_process', executable: '/bin/sh' });
  const through = (script: string) => makeHost({ arguments: ['-c', script, 'sh', powershell] });

  it('has a short command line, of which no shell on the way makes anything else', async () => {
    const line = join(directory, 'line');
    const noting = through(`printf '%s\\n' "$@" >'${line}'; exec "$@"`);
    await noting.invoke('Get-Nothing');
    await noting.close();
    const [program, ...own] = readFileSync(line, 'utf8').trimEnd().split('\n');
    expect(program).toBe(powershell);
    expect(own).toContain('-EncodedCommand');
    // Nothing in them to quote, to expand or to split at: for cmd.exe, for PowerShell and for sh.
    expect(own.filter((each) => !/^[A-Za-z0-9+/=_.:-]+$/.test(each))).toEqual([]);
    expect(own.join(' ').length).toBeLessThan(2_000);
  });

  it('is not told the daemon’s process id, which is another process’s on its machine; without one in between it is', async () => {
    const input = join(directory, 'input');
    const noting = through(`tee '${input}' | "$@"`);
    await noting.invoke('Get-Nothing');
    await noting.close();
    expect(firstRequestIn(input)).toEqual({ modules: [`=${FIXTURE}`] });

    const program = join(directory, 'recorder');
    writeFileSync(program, `#!/bin/sh\ntee '${input}' | '${powershell}' "$@"\n`, { mode: 0o755 });
    const near = makeHost({ executable: program });
    await near.invoke('Get-Nothing');
    await near.close();
    expect(firstRequestIn(input)).toEqual({ modules: [`=${FIXTURE}`], watch: process.pid });
  });

  it('ends by itself after its time limit, when neither it nor its end can be reached from here', async () => {
    // No mark in its environment, no connection that ends: only the program before it is ended.
    const far = through('env -i "$@"; true');
    const { id } = await asking(() => far).pidOf();
    await expect(far.invoke('Wait-Busy', {}, { timeLimit: 400 })).rejects.toMatchObject(failure('timedOut', /400 ms/));
    expect(runs(id)).toBe(true);
    await expect.poll(() => runs(id), PATIENT).toBe(false);
    await far.close();
  });

  it('has that end lifted once it has answered', async () => {
    const far = through('exec "$@"');
    const { pidOf, valuesOf } = asking(() => far);
    const { id } = await pidOf();
    await far.invoke('Get-Nothing', {}, { timeLimit: 3_000 });
    // For longer than the limit before, and the second that is added.
    expect(await valuesOf('Wait-Long', { seconds: 5 })).toEqual(['awake']);
    expect((await pidOf()).id).toBe(id);
    await far.close();
  });
});

/** What is asked first: the line behind the bootstrap. */
function firstRequestIn(input: string): unknown {
  const [, request = ''] = readFileSync(input, 'utf8').split('\n');
  const [, data = ''] = request.split(' ');
  return JSON.parse(Buffer.from(data, 'base64').toString());
}
