import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { DRIVERS } from '../../src/adapters/powershell/host.ts';
import { Shell } from '../../src/adapters/powershell/shell.ts';
import { encoded } from '../../src/adapters/powershell/wire.ts';
import { beginRun, processesOf } from './processes.ts';

const [engine] = inject('engines');

describe.runIf(engine && process.platform === 'linux')('a shell', () => {
  it.each(Object.entries(DRIVERS))('by %s does not outlive the daemon, whatever it is busy with', async (_, driver) => {
    const daemon = spawn('sleep', ['600'], { stdio: 'ignore' });
    const run = beginRun();
    const { shell } = await Shell.start({
      driver,
      executable: engine?.executable ?? '',
      modules: [join(process.cwd(), 'test/powershell/Fixture.psm1')],
      watch: daemon.pid ?? 0,
      startLimit: 30_000,
      replyLimit: 1_000_000,
    });
    const asked = expect(shell.ask(encoded({ function: 'Wait-Long', arguments: {} }))).rejects.toMatchObject({
      code: 'badReply',
      message: expect.stringContaining('exit code'),
    });
    daemon.kill('SIGKILL');
    await asked;
    await expect.poll(() => processesOf(run)).toEqual([]);
    await shell.kill();
  });
});
