import type { Command } from 'commander';
import { writeInstants } from '../../../ports/instants.ts';
import type { PlaybookView } from '../../../ports/operations.ts';
import { type CliContext, print, wantsJson } from '../../context.ts';
import { daemonOf, isOwnDaemon, talking } from '../../daemon/connect.ts';
import { UsageError } from '../../errors.ts';
import { formatReport } from '../../output/backtest-text.ts';
import { plain } from '../../output/text.ts';
import { since } from '../../values.ts';
import { backtest, MOST_SHOWN } from './backtest.ts';

export function reloadCommand(playbooks: Command, context: CliContext): void {
  talking(playbooks.command('reload'))
    .description('have the daemon read its playbook files again; if any has a problem, it keeps the old ones')
    .option('--backtest', 'first compare its finished incidents; reload only if none gets worse')
    .option('--since <time>', 'with --backtest: only incidents opened since: 30d, 2025-01-31', since)
    .option('--yes', 'reload even if an incident gets worse')
    .action(async (options: { backtest?: boolean; since?: string; yes?: boolean }, command: Command) => {
      const compared = options.backtest ? await gate(command, context, options.since) : undefined;
      if (compared && compared.worse > 0 && !options.yes) {
        context.fail();
        const says = `Not reloaded: ${compared.worse} ${compared.worse === 1 ? 'incident' : 'incidents'} may have had another reboot, or would have woken a person. Reload anyway with --yes.\n`;
        print(command, context, { reloaded: false, backtest: compared.json }, () => says);
        return;
      }
      const answer = (await daemonOf(command).ask('POST', '/api/v1/playbooks/reload')) as { playbooks: PlaybookView[] };
      print(command, context, { reloaded: true, ...answer, ...(compared && { backtest: compared.json }) }, () => {
        const names = answer.playbooks.map(({ name }) => plain(name)).join(', ');
        return `Reloaded ${answer.playbooks.length} playbooks: ${names}\n`;
      });
    });
}

/** Prints what a backtest of the configured folder finds, and counts the incidents that get worse. */
async function gate(command: Command, { terminal }: CliContext, from: string | undefined) {
  if (!isOwnDaemon(command)) {
    throw new UsageError('--backtest reads the files of this machine: run it where the daemon runs, without --url');
  }
  const { worseThanRecorded } = await import('../../../backtest/backtest.ts');
  const report = await backtest(command, [], { ...(from !== undefined && { since: from }) });
  const worse = worseThanRecorded(report);
  if (!wantsJson(command)) {
    terminal.write(
      `${formatReport({ ...report, findings: worse.length > 0 ? worse : report.findings }, MOST_SHOWN, terminal)}\n`,
    );
  }
  return { worse: worse.length, json: writeInstants(report) };
}
