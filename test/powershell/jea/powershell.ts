/** The whole of PowerShell, from its package: JEA needs more of it than the engine alone has. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from '../engines.ts';

const run = promisify(execFile);
const BUILT = 'node_modules/.cache/full-powershell/bin/pwsh';

/** Those of this machine, and one that is built where there is a .NET SDK. */
export async function powershells(engines: Engine[]): Promise<Engine[]> {
  const found = engines.filter(({ executable }) => !executable.includes('powershell-engine'));
  const dotnet = await run('dotnet', ['--version']).catch(() => undefined);
  if (!dotnet) return found;
  await run('dotnet', ['build', 'test/powershell/jea/full', '-c', 'Release', '--nologo', '-v', 'quiet']).catch(
    (error) => {
      throw new Error(`PowerShell can't be built:\n${error.stdout}${error.stderr}`);
    },
  );
  return [{ name: 'PowerShell from its package', executable: resolve(BUILT) }, ...found];
}
