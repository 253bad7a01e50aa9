import type { Command } from 'commander';
import type { Reindexed } from '../../ports/store.ts';
import { type CliContext, print } from '../context.ts';
import { inOwnStore } from '../daemon/own-store.ts';
import { CliError, EXIT } from '../errors.ts';
import { leave } from '../leave.ts';
import { plain, table } from '../output/text.ts';

export function storeCommand(program: Command, context: CliContext): void {
  const store = program.command('store').description('maintain the store').helpCommand(false);
  store
    .command('reindex')
    .description('rebuild all indexes of the store from the journals; stop every daemon first')
    .action(async (_: unknown, command: Command) => {
      const found = await inOwnStore(command, async (opened, says) => {
        const workers = await opened.workers();
        if (workers > 0) {
          throw new CliError(
            `A daemon uses this store (${says}; workers: ${workers}). Stop every daemon on it, then try again.`,
          );
        }
        return { says, ...(await opened.store.reindex()) };
      });
      if (!found) {
        throw new CliError(
          'There is no store to reindex: store.url (REDIS_URL) is not set, and store.directory has no data.',
        );
      }
      const { says, ...reindexed } = found;
      print(command, context, reindexed, () => tell(reindexed, says, context));
      await leave(reindexed.unreadable.length > 0 ? EXIT.problems : EXIT.fine);
    });
}

function tell({ incidents, open, owed, unreadable }: Reindexed, says: string, { terminal }: CliContext): string {
  const { paint, tableColumns } = terminal;
  const lines = [`${paint('good', 'done')}: rebuilt the indexes of ${says}\n`];
  lines.push(`  incidents: ${incidents}, open: ${open}, outstanding undo actions: ${owed}\n`);
  if (unreadable.length > 0) {
    const rows = unreadable.map(({ incident, why }) => [`  ${plain(incident)}`, plain(why)]);
    lines.push(`${paint('bad', `${unreadable.length} could not be read`)} and stay unchanged:\n`);
    lines.push(table(rows, tableColumns));
  }
  return lines.join('');
}
