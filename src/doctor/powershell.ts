import type { Inspection, ShellFacts } from '../ports/inspection.ts';
import { bad, type Check, type Finding, lineOf, look, ok, skipped, wordsOf } from './check.ts';
import type { Context } from './context.ts';
import { asksByPowerShell, notOpened } from './reach.ts';

/** What asks Exchange. A lab that is asked directly needs none. */
export const powershell: Check = {
  name: 'PowerShell',
  async run(context) {
    if (!asksByPowerShell(context)) return [];
    const why = await notOpened(context);
    if (why !== undefined) return [lineOf('PowerShell', skipped(why))];
    const inspect = await context.inspection();
    if (!inspect) return [];
    try {
      const shell = await context.shell();
      return shell ? [lineOf('PowerShell', ...findingsOf(shell, inspect, context))] : [];
    } catch (error) {
      context.signal.throwIfAborted();
      return [lineOf('PowerShell', notStarted(error, inspect, context))];
    }
  },
};

function findingsOf(shell: ShellFacts, { driver }: Inspection, { hostname, config, real }: Context): Finding[] {
  const { version, edition, machine, account } = shell;
  const where = machine.toLowerCase() === hostname.toLowerCase() ? '' : ` on ${machine}`;
  const as = account === undefined ? '' : `, as ${account}, whose rights are checked below`;
  const findings = [ok(`${version} ${edition}${where}, by ${driver}${as}`)];
  if (isOlder(version, [5, 1])) {
    findings.push(
      bad(
        'older than 5.1',
        'Install Windows Management Framework 5.1 there, or name another PowerShell in exchange.executable.',
      ),
    );
  }
  if (shell.credentialTrouble !== undefined) {
    const file = config.exchange.credentialFile ?? '';
    findings.push(
      bad(
        `exchange.credential-file can’t be read: ${wordsOf(shell.credentialTrouble)}`,
        `It can be read only by the account that wrote it, on the machine on which it did. There, as the daemon’s account:\n  Get-Credential | Export-Clixml -LiteralPath '${file}'`,
      ),
    );
  }
  if (real && !shell.windows) {
    findings.push(
      look(
        'no Windows: from here Exchange can’t be reached by Kerberos remoting',
        'Run the daemon on Windows, or let it start PowerShell on a Windows machine by ssh: exchange.executable, exchange.arguments and driver: child_process.',
      ),
    );
  }
  return findings;
}

function notStarted(error: unknown, { started }: Inspection, { config }: Context): Finding {
  const says = wordsOf(error);
  if (/can't be started|ENOENT|EACCES/.test(says)) {
    return bad(says, 'Install PowerShell, or say in exchange.executable where it is: a name on the PATH, or a path.');
  }
  if (/\.psm?1|module/i.test(says)) {
    const folder =
      config.exchange.modules === undefined ? 'deploy/powershell of this installation' : config.exchange.modules;
    return bad(
      says,
      `Its modules could not be loaded from ${folder}: see that they are there, whole, and not blocked (Unblock-File), or set exchange.modules.`,
    );
  }
  return bad(
    says,
    `Try it by hand, as the daemon’s account; it must print a version:\n  ${started} -NoProfile -NonInteractive -Command $PSVersionTable`,
  );
}

function isOlder(version: string, than: readonly number[]): boolean {
  const numbers = version.split('.').map(Number);
  const differs = than.findIndex((number, index) => number !== (numbers[index] ?? 0));
  return differs >= 0 && (numbers[differs] ?? 0) < (than[differs] ?? 0);
}
