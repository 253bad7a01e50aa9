import type { Command } from 'commander';
import { readInstants } from '../../../ports/instants.ts';
import type { PlaybookView } from '../../../ports/operations.ts';
import { type CliContext, print } from '../../context.ts';
import { daemonOf, talking } from '../../daemon/connect.ts';
import { plain, table } from '../../output/text.ts';
import { localTime } from '../../output/time.ts';

export function listCommand(playbooks: Command, context: CliContext): void {
  talking(playbooks.command('list'))
    .description('list the active playbooks with their mode and last run')
    .action(async (_: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', '/api/v1/playbooks');
      print(command, context, answer, () => {
        const { playbooks: views } = readInstants<{ playbooks: PlaybookView[] }>(answer);
        const { paint, tableColumns } = context.terminal;
        const head = ['PLAYBOOK', 'MODE', 'STEPS', 'HASH', 'LAST RUN', 'SUMMARY'].map((title) => paint('dim', title));
        const rows = views.map(({ name, mode, steps, hash, runs, summary }) => [
          plain(name),
          mode,
          String(steps.length),
          hash,
          runs[0] ? `${plain(runs[0].outcome)} ${localTime(runs[0].at)}` : 'never',
          plain(summary),
        ]);
        return table([head, ...rows], tableColumns);
      });
    });
}
