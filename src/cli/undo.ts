import type { Command } from 'commander';
import type { LedgerEntry } from '../ports.ts';
import { daemonOf, talking } from './connect.ts';
import { type CliContext, print } from './context.ts';
import { revive } from './revive.ts';
import { plain, table } from './text.ts';
import { localTime } from './time.ts';

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
        const head = ['SINCE', 'SERVER', 'INCIDENT', 'WHEN', 'WHAT'].map((title) => paint('dim', title));
        const rows = owed.map(({ debt, incident, at }) => [
          localTime(at),
          plain(debt.server),
          plain(incident),
          debt.when === 'always' ? 'at the end' : 'when healthy',
          plain(debt.says),
        ]);
        return table([head, ...rows], tableColumns);
      });
    });
}
