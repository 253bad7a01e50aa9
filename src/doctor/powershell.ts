import type { Inspection, ShellFacts } from '../ports/inspection.ts';
import { bad, type Check, type Finding, lineOf, look, ok, skipped, wordsOf } from './check.ts';
import type { Context } from './context.ts';
import { notOpened, usesPowerShell } from './reach.ts';

/** The PowerShell that connects to Exchange. A lab without PowerShell has no such check. */
export const powershell: Check = {
  name: 'PowerShell',
  async run(context) {
    if (!usesPowerShell(context)) return [];
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
        'Install Windows Management Framework 5.1 there, or set exchange.executable to another PowerShell.',
      ),
    );
  }
  if (shell.credentialTrouble !== undefined) {
    const file = config.exchange.credentialFile ?? '';
    findings.push(
      bad(
        `exchange.credential-file can’t be read: ${wordsOf(shell.credentialTrouble)}`,
        `Only the account that wrote it can read it, on the same machine. There, under the daemon’s account:\n  Get-Credential | Export-Clixml -LiteralPath '${file}'`,
      ),
    );
  }
  if (real && !shell.windows) {
    findings.push(
      look(
        'not Windows: Kerberos remoting to Exchange is not available from here',
        'Run the daemon on Windows, or have it start PowerShell on a Windows machine over ssh: set exchange.executable, exchange.arguments and driver: child_process.',
      ),
    );
  }
  return findings;
}

function notStarted(error: unknown, { started }: Inspection, { config }: Context): Finding {
  const says = wordsOf(error);
  if (/can't be started|ENOENT|EACCES/.test(says)) {
    return bad(says, 'Install PowerShell, or set exchange.executable to a name on the PATH or to a path.');
  }
  if (/\.psm?1|module/i.test(says)) {
    const folder =
      config.exchange.modules === undefined ? 'deploy/powershell of this installation' : config.exchange.modules;
    return bad(
      says,
      `Its modules could not be loaded from ${folder}: make sure that they are complete and not blocked (Unblock-File), or set exchange.modules.`,
    );
  }
  return bad(
    says,
    `Try it by hand, under the daemon’s account; it must print a version:\n  ${started} -NoProfile -NonInteractive -Command $PSVersionTable`,
  );
}

function isOlder(version: string, than: readonly number[]): boolean {
  const numbers = version.split('.').map(Number);
  const differs = than.findIndex((number, index) => number !== (numbers[index] ?? 0));
  return differs >= 0 && (numbers[differs] ?? 0) < (than[differs] ?? 0);
}
