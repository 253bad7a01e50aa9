import { groupOf } from '../incident/health.ts';
import { ExchangeError, type Organisation } from '../ports/exchange.ts';
import { bad, type Check, count, type Finding, lineOf, ok, skipped, wordsOf } from './check.ts';
import type { Context } from './context.ts';
import { failed } from './failure.ts';
import { Late } from './limits.ts';
import { whyUnread } from './reach.ts';

/** The servers and their groups. */
export const organisation: Check = {
  name: 'organisation',
  async run(context) {
    const why = await whyUnread(context);
    if (why !== undefined) return [lineOf('organisation', skipped(why))];
    try {
      return [lineOf('organisation', findingOf(await context.organisation()))];
    } catch (error) {
      context.signal.throwIfAborted();
      return [lineOf('organisation', await readFailure(error, context))];
    }
  },
};

async function readFailure(error: unknown, context: Context): Promise<Finding> {
  if (!(error instanceof ExchangeError || error instanceof Late) && !context.real) {
    return bad(wordsOf(error), 'Fix it in the section lab of the configuration, or in the file named there.');
  }
  const shell = await context.shell().catch(() => undefined);
  const { targets } = context.config.exchange;
  const observes = context.config.safety.mode === 'observe';
  const about = { host: 'the server', port: 80, targets, account: shell?.account, observes, lab: !context.real };
  return failed(error, { kind: 'command', ...about });
}

function findingOf({ servers }: Organisation): Finding {
  if (servers.length === 0) {
    return bad(
      'no Mailbox or Client Access server found',
      'Run Get-ExchangeServer under the same account and check what it returns.',
    );
  }
  const groups = new Map<string, number>();
  const alone: string[] = [];
  for (const facts of servers) {
    const group = groupOf(facts);
    if (group === undefined) alone.push(facts.server);
    else groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  const each = [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, size]) => `${name} (${size})`);
  const inGroups = `${count(servers.length, 'server')} in ${count(groups.size, 'group')}: ${each.join(', ')}`;
  const rest = alone.length > 0 ? `; in no group: ${alone.join(', ')}` : '';
  return ok(groups.size > 0 ? inGroups + rest : `${count(servers.length, 'server')} in no group: ${alone.join(', ')}`);
}
