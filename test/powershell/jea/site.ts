/** Servers as folders, with a copy of deploy/jea and replacements for Windows, Exchange and the directory. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  type Dirent,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Shell } from './shell.ts';

export type Parameters = Record<string, unknown>;

/** Parameters of a run, and the state that differs during it. */
export interface Given {
  parameters: Parameters;
  state?: Parameters;
  remoteSession?: true;
}

export interface Run {
  rows: Record<string, unknown>[];
  warnings: string[];
  errors: string[];
  said: string[];
  /** The lines that the shell printed and that start with "What if:". */
  whatIf: string[];
}

export interface Call {
  command: string;
  server: string;
  parameters: Record<string, unknown>;
}

const here = (name: string) => resolve('test/powershell/jea', name);

/** A server without problems. */
const STATE = {
  elevated: true,
  windowsPowerShell: true,
  productType: 3,
  services: [
    'MSExchangeIMAP4',
    'MSExchangeIMAP4BE',
    'MSExchangePOP3',
    'MSExchangePOP3BE',
    'MSExchangeTransport',
    'Spooler',
  ],
  accounts: [
    { name: 'CONTOSO\\SecondResponder$', sid: 'S-1-5-21-1-2-3-1104' },
    { name: "CONTOSO\\the daemon's", sid: 'S-1-5-21-1-2-3-1105' },
    { name: 'CONTOSO\\Überwacher', sid: 'S-1-5-21-1-2-3-1106' },
    { name: 'CONTOSO\\Domain Users', sid: 'S-1-5-21-1-2-3-513' },
    { name: 'CONTOSO\\Domain Computers', sid: 'S-1-5-21-1-2-3-515' },
    { name: 'Everyone', sid: 'S-1-1-0' },
    { name: 'NT AUTHORITY\\Authenticated Users', sid: 'S-1-5-11' },
  ],
  down: [],
};

export function site(shell: Shell) {
  const root = mkdtempSync(join(tmpdir(), 'jea-'));
  const at = (...names: string[]) => join(root, ...names);
  cpSync('deploy/jea', at('deploy', 'jea'), { recursive: true });
  cpSync('deploy/powershell', at('deploy', 'powershell'), { recursive: true });
  cpSync(here('Windows.psm1'), at('deploy', 'jea', 'SecondResponder.Windows.psm1'));
  const json = (name: string, value: unknown) => writeFileSync(at(name), JSON.stringify(value));

  /** Runs a script once with each of these parameters. */
  async function run(script: string, given: (Parameters | Given)[]): Promise<Run[]> {
    const sets = given.map((one) => ('parameters' in one ? (one as Given) : { parameters: one }));
    const { result, printed } = await shell.request<Run[]>(root, {
      script: at('deploy', 'jea', script),
      runs: sets.map((set) => ({ ...set, state: { ...STATE, ...set.state } })),
    });
    const runs = printed.replace(/\s+/g, ' ').split('--- run').slice(1);
    const whatIfs = (text = '') =>
      [...text.matchAll(/What if: (.*?)(?= What if:|$)/g)].map(([, what = '']) => what.trim());
    return result.map((answer, n) => ({ ...answer, whatIf: whatIfs(runs[n]) }));
  }

  return {
    root,
    install: (...given: (Parameters | Given)[]) => run('Install-SecondResponderEndpoint.ps1', given),
    role: (...given: Parameters[]) => run('New-SecondResponderRole.ps1', given),
    account: (...given: (Parameters | Given)[]) => run('New-SecondResponderAccount.ps1', given),
    /** Sets the state of Exchange or the directory, or reads it back. */
    exchange: (state: object) => json('exchange.json', state),
    exchangeNow: () => JSON.parse(readFileSync(at('exchange.json'), 'utf8')),
    directory: (state: object) => json('directory.json', state),
    /** The changing calls since the last time. */
    calls(): Call[] {
      const file = at('calls.jsonl');
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
      rmSync(file, { force: true });
      return lines.map((line) => JSON.parse(line) as Call);
    },
    /** A path on a server. */
    on: (server: string, ...names: string[]) => at(server, ...names),
    module: (server = 'EX1') => at(server, 'Program Files', 'WindowsPowerShell', 'Modules', 'SecondResponder'),
    /** Every file in a folder, by its relative path. */
    files: (folder: string): string[] =>
      existsSync(folder)
        ? (readdirSync(folder, { recursive: true, withFileTypes: true }) as Dirent[])
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
            .sort()
        : [],
    /** Sets the rights of a path, in SDDL. */
    grant: (path: string, sddl: string) => {
      const file = at('rights.json');
      const rights = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { path: string }[]) : [];
      // The rights end when the file or folder is deleted.
      const windows = process.platform === 'win32';
      const birth =
        existsSync(path) && !windows ? execFileSync('stat', ['--format=%w', path], { encoding: 'utf8' }).trim() : '';
      json('rights.json', [...rights.filter((one) => one.path !== path), { path, sddl, birth }]);
    },
    end: () => rmSync(root, { recursive: true, force: true }),
  };
}

export type Site = ReturnType<typeof site>;
