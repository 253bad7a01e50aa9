import { shortName } from '../incident/alert.ts';
import type { EndpointLook } from '../ports.ts';
import { bad, type Check, type Finding, lineOf, look, ok, skipped } from './check.ts';
import type { Context, EndpointResult } from './context.ts';
import { failed, rightInExchange } from './failure.ts';
import { asksByPowerShell } from './powershell.ts';

/** Where sessions with Exchange begin: one line each. */
export const endpoints: Check = {
  name: 'endpoints',
  async run(context) {
    if (!asksByPowerShell(context)) return [];
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
  'there is only one: while it is away nothing can be looked at, and so the daemon never reboots it',
  'Name a second server in exchange.endpoints.',
);

async function findingsOf({ endpoint, look: seen, error }: EndpointResult, context: Context): Promise<Finding[]> {
  const way = await wayTo(endpoint, context);
  if (!seen) return [failed(error, way)];
  const opened = ok(`a session opened in ${Math.round(seen.openedAfter)} ms`);
  return [opened, ...missing(seen, way)];
}

function missing({ missing: { looks, changes } }: EndpointLook, way: Awaited<ReturnType<typeof wayTo>>): Finding[] {
  const needed = way.observes ? looks : [...looks, ...changes];
  if (needed.length > 0) {
    const who = way.account ?? 'the account';
    return [bad(`${who} has no right to ${needed.join(', ')}`, rightInExchange(way))];
  }
  if (changes.length > 0) {
    return [ok(`no right to ${changes.join(', ')}, which are not needed while safety.mode is observe`)];
  }
  return [ok('every command is there')];
}

export async function wayTo(endpoint: string, context: Context) {
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

export const hostOf = (endpoint: string): string =>
  endpoint.includes('://') && URL.canParse(endpoint) ? new URL(endpoint).hostname : endpoint;

/** Commands that no session offers which could be opened. */
export function missingEverywhere(results: readonly EndpointResult[]): string[] {
  const seen = results.flatMap(({ look: one }) => one ?? []);
  const [first] = seen;
  return first
    ? first.missing.looks.filter((name) => seen.every(({ missing: { looks } }) => looks.includes(name)))
    : [];
}

/** Why there is nobody to ask. */
export const notOpened = (context: Context): Promise<string | undefined> =>
  context.opened().then(
    () => undefined,
    () => {
      context.signal.throwIfAborted();
      return context.real ? 'the organisation could not be opened' : 'the lab does not answer';
    },
  );

const noShell = (context: Context): Promise<string | undefined> =>
  context.shell().then(
    () => undefined,
    () => {
      context.signal.throwIfAborted();
      return 'PowerShell does not start';
    },
  );

/** Why no call can reach Exchange, where that is known already. */
export async function noWay(context: Context): Promise<string | undefined> {
  if (!asksByPowerShell(context) || (await notOpened(context)) !== undefined) return undefined;
  const why = await noShell(context);
  if (why !== undefined) return why;
  const results = await context.endpoints();
  if (results.length === 0 || results.some(({ look: one }) => one)) return undefined;
  return `no session could be opened with ${results.length === 1 ? 'the endpoint' : 'any endpoint'}`;
}
