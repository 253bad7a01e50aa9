/** Finds a PowerShell for the tests before they run: one on the PATH, or one that dotnet installs beside what npm installs. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const run = promisify(execFile);

const VERSION = '7.6.9';
const CACHE = resolve('node_modules/.cache/powershell');
const TOOL = join(CACHE, VERSION);
const INSTALL = ['tool', 'install', 'PowerShell', '--version', VERSION, '--tool-path', TOOL];

export interface Engine {
  /** What the tests call it. */
  name: string;
  executable: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    engines: Engine[];
  }
}

export default async function setup(project: TestProject): Promise<void> {
  // Otherwise every start of PowerShell calls home.
  Object.assign(process.env, { POWERSHELL_TELEMETRY_OPTOUT: '1', POWERSHELL_UPDATECHECK: 'Off' });
  const engines: Engine[] = [];
  const pwsh = (await programOf('pwsh')) ?? (await installed(project.name === 'full'));
  if (pwsh) engines.push({ name: 'pwsh', executable: pwsh });
  const windows = await programOf('powershell.exe');
  if (windows) engines.push({ name: 'powershell.exe', executable: windows });
  console.log(
    engines.length > 0
      ? `PowerShell tests run on: ${engines.map(({ executable }) => executable).join(', ')}.`
      : `\n*** THE POWERSHELL TESTS ARE SKIPPED: there is no pwsh on the PATH, and no dotnet that could install one.\n    Install PowerShell 7 (https://aka.ms/powershell) or the .NET SDK 10, or run: dotnet ${INSTALL.join(' ')} ***\n`,
  );
  project.provide('engines', engines);
}

/** PowerShell as dotnet installs it, once; without dotnet none. `often`: it is started hundreds of times. */
async function installed(often: boolean): Promise<string | undefined> {
  const launcher = join(TOOL, process.platform === 'win32' ? 'pwsh.exe' : 'pwsh');
  if (!existsSync(launcher)) {
    const failed = await run('dotnet', INSTALL).catch((error) => error);
    if (failed.code === 'ENOENT') return undefined;
    if (failed instanceof Error) console.error(`dotnet can't install PowerShell: ${failed.message}`);
  }
  const program = await programOf(launcher);
  if (program && often)
    await precompile(dirname(program)).catch((error) => console.error(`PowerShell starts slowly: ${error.message}`));
  return program;
}

/**
 * The package for dotnet holds no machine code, unlike PowerShell's other packages: each start compiles, for a second or
 * more of processor time. Done once, that takes half a minute. Only whole files come into use, the mark of the end last.
 */
async function precompile(home: string): Promise<void> {
  if (existsSync(join(home, 'precompiled.dll'))) return;
  const [made, out] = [join(CACHE, 'made'), join(CACHE, 'out')];
  const project = resolve('test/powershell/precompiled.csproj');
  await run('dotnet', [
    'publish',
    project,
    '--use-current-runtime',
    `-p:Home=${home}`,
    '--artifacts-path',
    made,
    '-o',
    out,
  ]);
  for (const file of (await readdir(out)).sort()) await rename(join(out, file), join(home, file));
}

/**
 * The program itself, or none. What dotnet installs is a launcher that starts PowerShell as a second process: tests
 * that count and kill processes need the one that the launcher starts.
 */
async function programOf(command: string): Promise<string | undefined> {
  const home = await answer(command, '$PSHOME');
  if (!home) return undefined;
  const own = join(home, 'pwsh');
  return (await answer(own, '1')) ? own : command;
}

const answer = (program: string, command: string): Promise<string | undefined> =>
  run(program, ['-NoLogo', '-NoProfile', '-Command', command], { windowsHide: true }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
