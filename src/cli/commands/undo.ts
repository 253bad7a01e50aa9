import type { Command } from 'commander';
import type { IncidentView } from '../../incident/view.ts';
import { readInstants } from '../../ports/instants.ts';
import type { LedgerEntry } from '../../ports/store.ts';
import { type CliContext, print } from '../context.ts';
import { daemonOf, signature, signing, talking } from '../daemon/connect.ts';
import { plain, table } from '../output/text.ts';
import { localTime } from '../output/time.ts';

export function undoCommand(program: Command, context: CliContext): void {
  const undo = program.command('undo').description('list, run or settle outstanding undo actions').helpCommand(false);
  talking(undo.command('list'))
    .description('list changes that have not been put back yet')
    .action(async (_: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', '/api/v1/undo');
      print(command, context, answer, () => {
        const { undo: owed } = readInstants<{ undo: LedgerEntry[] }>(answer);
        if (owed.length === 0) return 'No outstanding undo actions: every change has been put back.\n';
        const { paint, tableColumns } = context.terminal;
        const head = ['SINCE', 'SERVER', 'SETTING', 'INCIDENT', 'WHEN', 'WHAT'].map((title) => paint('dim', title));
        const rows = owed.map(({ debt, incident, at }) => [
          localTime(at),
          plain(debt.server),
          plain(debt.setting),
          plain(incident),
          debt.when === 'always' ? 'at the end' : 'when healthy',
          plain(debt.says),
        ]);
        return table([head, ...rows], tableColumns);
      });
    });

  const decisions = [
    [
      'put-back',
      'put changes back now, in a new incident that verifies health afterwards',
      'the reason, for the journal',
    ],
    ['settle', 'mark changes as put back by hand; sends no command', 'what was done by hand'],
  ] as const;
  for (const [verb, description, note] of decisions) {
    signing(undo.command(verb))
      .description(description)
      .argument('<server>', 'server with outstanding undo actions')
      .option('--setting <name>', 'one setting, as named by undo list (default: all)')
      .option('--note <text>', note)
      .action(async (server: string, options: { setting?: string; note?: string }, command: Command) => {
        const daemon = daemonOf(command);
        const answer = await daemon.ask('POST', `/api/v1/undo/${verb}`, {
          server,
          ...signature(command, daemon),
          ...options,
        });
        print(command, context, answer, () => {
          const id = plain(readInstants<IncidentView>(answer).id);
          const done = verb === 'settle' ? `Recorded as ${id}; no command is sent.` : `${id} puts it back.`;
          return `${done} Follow it: second-responder incidents watch ${id}\n`;
        });
      });
  }
}
