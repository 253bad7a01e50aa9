import type { Command } from 'commander';
import type { IncidentView } from '../../incident/view.ts';
import type { LedgerEntry } from '../../ports/store.ts';
import { type CliContext, print } from '../context.ts';
import { daemonOf, signature, signing, talking } from '../daemon/connect.ts';
import { revive } from '../daemon/revive.ts';
import { plain, table } from '../output/text.ts';
import { localTime } from '../output/time.ts';

export function undoCommand(program: Command, context: CliContext): void {
  const undo = program.command('undo').description('what is still to be put back').helpCommand(false);
  talking(undo.command('list'))
    .description('everything in the organisation that was changed and not put back yet')
    .action(async (_: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', '/api/v1/undo');
      print(command, context, answer, () => {
        const { undo: owed } = revive<{ undo: LedgerEntry[] }>(answer);
        if (owed.length === 0) return 'Nothing is owed: all that was changed has been put back.\n';
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
      'has it put back now, by an incident of its own that looks at health after it',
      'why, for the journal',
    ],
    ['settle', 'strikes out what was seen to by hand; nothing is sent', 'what was done by hand'],
  ] as const;
  for (const [verb, description, note] of decisions) {
    signing(undo.command(verb))
      .description(description)
      .argument('<server>', 'the server on which something is owed')
      .option('--setting <name>', 'one setting of it, as the list names it; else all')
      .option('--note <text>', note)
      .action(async (server: string, options: { setting?: string; note?: string }, command: Command) => {
        const daemon = daemonOf(command);
        const answer = await daemon.ask('POST', `/api/v1/undo/${verb}`, {
          server,
          ...signature(command, daemon),
          ...options,
        });
        print(command, context, answer, () => {
          const id = plain(revive<IncidentView>(answer).id);
          const done = verb === 'settle' ? `Noted by ${id}; nothing is sent.` : `${id} puts it back.`;
          return `${done} See what follows: second-responder incidents watch ${id}\n`;
        });
      });
  }
}
