import { shortName } from '../incident/alert.ts';
import type { EndpointFacts } from '../ports/inspection.ts';
import { bad, type Check, type Finding, lineOf, look, ok, skipped } from './check.ts';
import type { Context, EndpointResult } from './context.ts';
import { failed, rightInExchange } from './failure.ts';
import { hostOf, noShell, notOpened, usesPowerShell } from './reach.ts';

/** The endpoints of Exchange sessions: one line each. */
export const endpoints: Check = {
  name: 'endpoints',
  async run(context) {
    if (!usesPowerShell(context)) return [];
    const why = (await notOpened(context)) ?? (await noShell(context));
    if (why !== undefined) return [lineOf('endpoints', skipped(why))];
    const results = await context.endpoints();
    const lines = await Promise.all(
      results.map(async (result) =>
        lineOf(`endpoint ${hostOf(result.endpoint)}`, ...(await findingsOf(result, context))),
      ),
    );
    return new Set(results.map(({ endpoint }) => shortName(hostOf(endpoint)))).size === 1
      ? [...lines, lineOf('endpoints', ONLY_ONE)]
      : lines;
  },
};

const ONLY_ONE = look(
  'there is only one: while it is down the daemon cannot see anything, so it never reboots it',
  'Add a second server to exchange.endpoints.',
);

async function findingsOf({ endpoint, facts, error }: EndpointResult, context: Context): Promise<Finding[]> {
  const way = await wayTo(endpoint, context);
  if (!facts) return [failed(error, way)];
  const opened = ok(`a session opened in ${Math.round(facts.openedAfter)} ms`);
  return [opened, ...missing(facts, way)];
}

function missing({ missing: { looks, changes } }: EndpointFacts, way: Awaited<ReturnType<typeof wayTo>>): Finding[] {
  const needed = way.observes ? looks : [...looks, ...changes];
  if (needed.length > 0) {
    const who = way.account ?? 'the account';
    return [bad(`${who} has no right to ${needed.join(', ')}`, rightInExchange(way))];
  }
  if (changes.length > 0) {
    return [ok(`no right to ${changes.join(', ')}, not needed while safety.mode is observe`)];
  }
  return [ok('every command is available')];
}

async function wayTo(endpoint: string, context: Context) {
  const shell = await context.shell();
  const url = endpoint.includes('://') ? new URL(endpoint) : undefined;
  const port = url?.port ? Number(url.port) : url?.protocol === 'https:' ? 443 : 80;
  return {
    kind: 'endpoint' as const,
    host: hostOf(endpoint),
    port,
    account: shell?.account,
    machine: shell?.machine,
    targets: context.config.exchange.targets,
    observes: context.config.safety.mode === 'observe',
    lab: !context.real,
  };
}
