/** A real ssh server of our own on loopback, with keys of its own: how a shell on another machine is reached. */
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { PowerShellHostOptions } from '../../src/adapters/powershell/host.ts';
import { freePort } from '../support/ports.ts';

const SSHD = '/usr/sbin/sshd';
const SSH = '/usr/bin/ssh';

export const hasSshd = process.platform === 'linux' && [SSHD, SSH].every((program) => existsSync(program));

export interface Sshd {
  /** The way to a PowerShell there, as the options of a host; `more` are options for ssh, which come before ours. */
  way(more?: {
    key?: 'known' | 'unknown' | 'to PowerShell';
    port?: number;
  }): Pick<PowerShellHostOptions, 'driver' | 'executable' | 'arguments'>;
  /** Cuts every connection. */
  cut(): void;
  stop(): void;
}

/** Resolves when it listens. `environment` is what a far shell finds in its environment. */
export async function startSshd(powershell: string, environment: Record<string, string>): Promise<Sshd> {
  const directory = mkdtempSync(join(tmpdir(), 'sr-sshd-'));
  const inside = (name: string) => join(directory, name);
  // Where no path has a blank in it, which is the far shell's to read.
  symlinkSync(powershell, inside('pwsh'));
  for (const key of ['host', 'known', 'to PowerShell', 'unknown']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', inside(key)]);
  }
  const publicOf = (key: string) => readFileSync(inside(`${key}.pub`), 'utf8');
  // As on a Windows whose DefaultShell is PowerShell: that one reads the command line first.
  const command = `command="${inside('pwsh')} -NoProfile -Command \\"$SSH_ORIGINAL_COMMAND\\""`;
  writeFileSync(inside('authorized'), `${publicOf('known')}${command} ${publicOf('to PowerShell')}`);
  const port = await freePort();
  writeFileSync(inside('known_hosts'), `[127.0.0.1]:${port} ${publicOf('host')}`);
  const set = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  writeFileSync(
    inside('config'),
    [
      'ListenAddress 127.0.0.1',
      `Port ${port}`,
      `HostKey ${inside('host')}`,
      `AuthorizedKeysFile ${inside('authorized')}`,
      `PidFile ${inside('pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      `SetEnv ${set.join(' ')}`,
      '',
    ].join('\n'),
  );
  // As root it wants a place to lock itself up in, which its service would make.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const server = spawn(SSHD, ['-D', '-e', '-f', inside('config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    server.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (said.includes('Server listening')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`sshd ended: ${said}`)));
  });

  const cut = () => {
    for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
  };
  return {
    way: ({ key = 'known', port: to = port } = {}) => ({
      driver: 'child_process',
      executable: SSH,
      arguments: [
        ...['-T', '-F', 'none', '-p', `${to}`, '-i', inside(key)],
        ...['BatchMode=yes', 'IdentitiesOnly=yes', `UserKnownHostsFile=${inside('known_hosts')}`].flatMap((option) => [
          '-o',
          option,
        ]),
        `${userInfo().username}@127.0.0.1`,
        inside('pwsh'),
      ],
    }),
    cut,
    stop: () => {
      cut();
      server.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Whether a process does, whoever started it. A zombie has no command line: nothing runs there. */
export function runs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

function childrenOf(pid: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        return new RegExp(`^PPid:\\t${pid}$`, 'm').test(readFileSync(`/proc/${each}/status`, 'utf8'));
      } catch {
        return false; // Gone meanwhile.
      }
    });
}
