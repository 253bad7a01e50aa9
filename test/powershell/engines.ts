/** Finds the PowerShells of this machine, and builds the real engine from its package, before the tests. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const run = promisify(execFile);

const BUILT = 'node_modules/.cache/powershell-engine/bin/pwsh';

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
  const engines: Engine[] = [];
  if (await answers('dotnet', ['--version'])) {
    await run('dotnet', ['build', 'test/powershell-engine', '-c', 'Release', '--nologo', '-v', 'quiet']).catch(
      (error) => {
        throw new Error(`The PowerShell engine can't be built:\n${error.stdout}${error.stderr}`);
      },
    );
    engines.push({ name: 'the engine from its package', executable: `${process.cwd()}/${BUILT}` });
  }
  for (const executable of ['pwsh', 'powershell.exe']) {
    if (await answers(executable, ['-NoLogo', '-NoProfile', '-Command', '1']))
      engines.push({ name: executable, executable });
  }
  console.log(
    engines.length > 0
      ? `PowerShell tests run on: ${engines.map(({ name }) => name).join(', ')}.`
      : '\n*** THE POWERSHELL TESTS ARE LEFT OUT: there is no dotnet to build the engine with, and no pwsh on the PATH. ***\n',
  );
  project.provide('engines', engines);
}

const answers = (program: string, args: string[]): Promise<boolean> =>
  run(program, args, { windowsHide: true }).then(
    () => true,
    () => false,
  );
