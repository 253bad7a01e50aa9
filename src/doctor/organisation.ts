import type { Config } from '../config/config.ts';
import { nearest } from '../config/nearest.ts';
import { shortName } from '../incident/alert.ts';
import { groupOf } from '../incident/health.ts';
import { isNamed } from '../incident/names.ts';
import { restrictionsOf } from '../incident/restrictions.ts';
import { ExchangeError, type Organisation } from '../ports/exchange.ts';
import { bad, type Check, count, type Finding, lineOf, look, ok, skipped, wordsOf } from './check.ts';
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
      const read = await context.organisation();
      const unknown = unknownNames(context.config, read);
      return [lineOf('organisation', findingOf(read)), ...unknown.map((finding) => lineOf('restrictions', finding))];
    } catch (error) {
      context.signal.throwIfAborted();
      return [lineOf('organisation', await readFailure(error, context))];
    }
  },
};

/** Servers and groups of restrictions that do not exist: such a restriction holds nowhere. */
function unknownNames({ playbooks: { restrictions } }: Config, { servers }: Organisation): Finding[] {
  const known = {
    server: servers.map(({ server }) => server),
    group: [...new Set(servers.flatMap((facts) => groupOf(facts) ?? []))],
  };
  return restrictionsOf(restrictions).flatMap((one) =>
    (['server', 'group'] as const).flatMap((kind) =>
      (one[`${kind}s`] ?? [])
        .filter((name) => !isNamed(kind === 'server' ? shortName(name) : name, known[kind]))
        .map((name) => {
          const meant = nearest(name, known[kind]);
          return look(
            `${one.key} names the ${kind} "${name}", which does not exist: nothing is restricted there`,
            meant === undefined ? `Known ${kind}s: ${known[kind].join(', ')}.` : `Did you mean "${meant}"?`,
          );
        }),
    ),
  );
}

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
