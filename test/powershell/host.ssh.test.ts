/** A shell behind ssh, by a real ssh server on this machine: its processes are ours to look at, as far away as it takes itself to be. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { PowerShellHost, PowerShellHostOptions } from '../../src/adapters/powershell/host.ts';
import { asking, conversationContract, failure, hostsWith, PATIENT } from '../contracts/powershell-host.ts';
import { hasSshd, runs, type Sshd, startSshd } from './host.sshd.ts';
import { beginRun, processesOf } from './processes.ts';

const [engine] = inject('engines');

it.skipIf(!engine || !hasSshd)('a shell behind ssh is tried, by a real sshd', () => {
  expect(hasSshd).toBe(true);
});

describe.runIf(engine && hasSshd)('a shell behind ssh', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sr-ssh-'));
  const notes = join(directory, 'notes');
  let sshd: Sshd;
  let host: PowerShellHost;
  const makeHost = (options: Partial<PowerShellHostOptions> = {}) => hostsWith(sshd.way())(options);
  const { valuesOf, pidOf } = asking(() => host);
  beforeAll(async () => {
    const { DOTNET_ROOT = '' } = process.env;
    sshd = await startSshd(engine?.executable ?? '', { FAREWELL_NOTES: notes, ...(DOTNET_ROOT && { DOTNET_ROOT }) });
    host = makeHost();
  });
  afterAll(async () => {
    await host.close();
    sshd.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  conversationContract(makeHost);

  it('is one that ssh has started, with nothing of the daemon’s environment', async () => {
    const { id } = await pidOf();
    expect(readFileSync(`/proc/${id}/environ`, 'latin1')).toContain('SSH_CONNECTION=');
    expect(readFileSync(`/proc/${id}/environ`, 'latin1')).not.toContain('SECOND_RESPONDER');
  });

  it('is reached also where the far machine reads the command line as PowerShell', async () => {
    const there = hostsWith(sshd.way({ key: 'to PowerShell' }))();
    expect(await valuesOf('Get-Echo', { value: '異常 $PID "' }, there)).toEqual(['異常 $PID "']);
    await there.close();
  });

  it.each([
    ['sleeps', 'Wait-Long'],
    ['is busy', 'Wait-Busy'],
  ])('that %s past the time limit ends, as does its ssh, and the next call has a new one', async (_, called) => {
    const run = beginRun();
    const fresh = makeHost();
    const { id } = await pidOf(fresh);
    expect(runs(id)).toBe(true);
    await expect(fresh.invoke(called, {}, { timeLimit: 400 })).rejects.toMatchObject(failure('timedOut', /400 ms/));
    await expect.poll(() => runs(id), PATIENT).toBe(false);
    expect((await pidOf(fresh)).id).not.toBe(id);
    expect(processesOf(run).map(({ command }) => command.split(' ')[0])).toEqual(['/usr/bin/ssh']);
    await fresh.close();
    expect(processesOf(run)).toEqual([]);
  });

  it('that is busy ends when its caller gives up, long before its time limit', async () => {
    const { id } = await pidOf();
    const gaveUp = new AbortController();
    const busy = expect(host.invoke('Write-Busy', { path: join(directory, 'busy') }, { signal: gaveUp.signal }));
    const called = busy.rejects.toThrow('never mind');
    await expect.poll(() => existsSync(join(directory, 'busy')), PATIENT).toBe(true);
    gaveUp.abort(new Error('never mind'));
    await called;
    await expect.poll(() => runs(id), PATIENT).toBe(false);
  });

  it('whose connection is cut in the middle is a bad reply in ssh’s own words, and does not go on', async () => {
    const { id } = await pidOf();
    const called = expect(host.invoke('Write-Busy', { path: join(directory, 'cut') })).rejects.toMatchObject(
      failure('badReply', /exit code 255.*(closed|reset|broken)/is),
    );
    await expect.poll(() => existsSync(join(directory, 'cut')), PATIENT).toBe(true);
    sshd.cut();
    await called;
    await expect.poll(() => runs(id), PATIENT).toBe(false);
    expect((await pidOf()).id).not.toBe(id);
  });

  it('whose connection is cut while nobody asks is replaced without a word', async () => {
    const run = beginRun();
    const idle = makeHost();
    const { id } = await pidOf(idle);
    sshd.cut();
    await expect.poll(() => runs(id), PATIENT).toBe(false);
    await expect.poll(() => processesOf(run), PATIENT).toEqual([]);
    expect((await pidOf(idle)).id).not.toBe(id);
    await idle.close();
  });

  it('says farewell when the host is closed, and is gone then', async () => {
    const leaving = makeHost({ farewell: 'Close-Sessions' });
    const { id } = await pidOf(leaving);
    await leaving.close();
    expect(readFileSync(notes, 'utf8')).toBe(`${id}\n`);
    expect(runs(id)).toBe(false);
  });

  it.each([
    ['a key that the server does not know', { key: 'unknown' }, /Permission denied/],
    ['a port that nobody listens on', { port: 1 }, /connect to host 127\.0\.0\.1 port 1: Connection refused/],
  ] as const)('with %s is unreachable, in ssh’s own words', async (_, way, words) => {
    const failing = hostsWith(sshd.way(way))();
    await expect(failing.invoke('Get-Nothing')).rejects.toMatchObject(failure('unreachable', words));
    await failing.close();
  });
});
