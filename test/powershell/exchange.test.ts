import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { sha256Of } from '../../src/playbooks/scripts.ts';
import { exchangeContract, type ScriptDoes } from '../contracts/exchange.ts';
import { type LabSite, labSite, READER } from './lab-site.ts';

/** The Exchange port over a real PowerShell, with the lab behind Exchange's own commands. */
const engines = inject('engines');

it.runIf(engines.length === 0)('the Exchange port is not tried where there is no PowerShell', ({ skip }) => skip());

describe.each(engines)('on $name', ({ executable }) => {
  let site: LabSite;
  // What an administrator put on the servers; here they share a disk.
  const programs = mkdtempSync(join(tmpdir(), 'sr-programs-'));
  const folder = join(programs, 'SecondResponder', 'Scripts');
  mkdirSync(folder, { recursive: true });
  beforeAll(async () => {
    site = await labSite(executable, { environment: { ProgramFiles: programs } });
  });
  afterAll(async () => {
    await site.close();
    rmSync(programs, { recursive: true });
  });

  const PARAMETERS = 'param([Parameter(Mandatory)] [int] $Days, [Parameter(Mandatory)] [string] $Text, [bool] $Force)';
  const DOES: Record<ScriptDoes, string> = {
    works: `${PARAMETERS}\nif ($Text -ne "a'b; \`$(x)" -or -not $Force) { throw 'not what was sent' }\n"$Days days"`,
    fails: `${PARAMETERS}\nWrite-Error 'no cache'\n'goes on'`,
    hangs: `${PARAMETERS}\nStart-Sleep -Seconds 60`,
    // Its process dies, the first time.
    interrupted: `${PARAMETERS}
if (Test-Path "$PSScriptRoot/died") { return 'again' }
$null = New-Item "$PSScriptRoot/died"
[Diagnostics.Process]::GetCurrentProcess().Kill()`,
    differs: PARAMETERS,
    missing: PARAMETERS,
  };
  /** Each time another one, because the record of its run stays on the disk. */
  async function scriptThat(does: ScriptDoes) {
    rmSync(join(programs, 'SecondResponder', 'Runs'), { recursive: true, force: true });
    rmSync(join(folder, 'died'), { force: true });
    const name = `${does}.ps1`;
    writeFileSync(join(folder, name), DOES[does]);
    const sha256 = sha256Of(folder, name) ?? '';
    if (does === 'missing') rmSync(join(folder, name));
    return { name, sha256: does === 'differs' ? 'a'.repeat(64) : sha256 };
  }

  for (const targets of ['jea', 'winrm'] as const) {
    exchangeContract(`on the lab through PowerShell, its servers by ${targets}`, async () => {
      const { lab } = site;
      lab.reset();
      const exchange = site.port({ targets });
      // Which names there are is read once, whatever is asked first.
      await exchange.organisation();
      const before = lab.commands().length;
      return {
        exchange,
        clock: lab.clock,
        post: async (fault) => lab.post(fault).id,
        remove: async (id) => void lab.remove(id),
        pass: async (ms) => lab.clock.advance(ms),
        script: scriptThat,
        // What a fence looks at before it acts is done for the change, and not for its own sake.
        log: async () =>
          lab
            .commands()
            .slice(before)
            .filter(({ caller, effect }) => caller === READER || effect !== 'none')
            .map(({ command, effect }) => `${command} ${effect}`),
        close: async () => {},
      };
    });
  }
});
