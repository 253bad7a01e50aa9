import type { Command } from 'commander';
import { readInstants } from '../../../ports/instants.ts';
import type { PlaybookView } from '../../../ports/operations.ts';
import { type CliContext, print } from '../../context.ts';
import { daemonOf, signature, signing } from '../../daemon/connect.ts';
import { plain } from '../../output/text.ts';

export function trustCommand(playbooks: Command, context: CliContext): void {
  signing(playbooks.command('trust'))
    .description('restore the mode of a playbook that was demoted after failed runs')
    .argument('<name>', 'name of the playbook')
    .option('--note <text>', 'the reason, for the record')
    .action(async (name: string, options: { note?: string }, command: Command) => {
      const daemon = daemonOf(command);
      const path = `/api/v1/playbooks/${encodeURIComponent(name)}/trust`;
      const answer = await daemon.ask('POST', path, { ...signature(command, daemon), ...options });
      print(command, context, answer, () => {
        const playbook = readInstants<PlaybookView>(answer);
        return `${plain(playbook.name)} is trusted again; its mode is ${playbook.mode}\n`;
      });
    });
}
