import type { Command } from 'commander';
import type { Reindexed } from '../../ports/store.ts';
import { type CliContext, print } from '../context.ts';
import { inOwnStore } from '../daemon/own-store.ts';
import { CliError, EXIT } from '../errors.ts';
import { leave } from '../leave.ts';
import { plain, table } from '../output/text.ts';

export function storeCommand(program: Command, context: CliContext): void {
  const store = program.command('store').description('care of what is remembered').helpCommand(false);
  store
    .command('reindex')
    .description('make every index of the store anew from the journals, while no daemon works on it')
    .action(async (_: unknown, command: Command) => {
      const found = await inOwnStore(command, async (opened, says) => {
        const workers = await opened.workers();
        if (workers > 0) {
          throw new CliError(
            `A daemon works on this store (${says}; workers: ${workers}). Stop every daemon that uses it, then try again.`,
          );
        }
        return { says, ...(await opened.store.reindex()) };
      });
      if (!found) {
        throw new CliError(
          'There is no store to reindex: store.url (REDIS_URL) is not set, and store.directory holds none.',
        );
      }
      const { says, ...reindexed } = found;
      print(command, context, reindexed, () => tell(reindexed, says, context));
      await leave(reindexed.unreadable.length > 0 ? EXIT.problems : EXIT.fine);
    });
}

function tell({ incidents, open, owed, unreadable }: Reindexed, says: string, { terminal }: CliContext): string {
  const { paint, tableColumns } = terminal;
  const lines = [`${paint('good', 'done')}: the indexes of ${says} are new\n`];
  lines.push(`  ${incidents} incidents, ${open} of them open; ${owed} changes still to be put back\n`);
  if (unreadable.length > 0) {
    const rows = unreadable.map(({ incident, why }) => [`  ${plain(incident)}`, plain(why)]);
    lines.push(`${paint('bad', `${unreadable.length} could not be read`)}, and were left as they were:\n`);
    lines.push(table(rows, tableColumns));
  }
  return lines.join('');
}
