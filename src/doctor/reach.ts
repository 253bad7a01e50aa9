import type { Organisation } from '../ports/exchange.ts';
import type { Context, EndpointResult } from './context.ts';

/** A real organisation, or a lab behind PowerShell. */
export const usesPowerShell = ({ real, config }: Context): boolean => real || config.exchange.through !== undefined;

export const hostOf = (endpoint: string): string =>
  endpoint.includes('://') && URL.canParse(endpoint) ? new URL(endpoint).hostname : endpoint;

/** Commands that are missing in every session that could be opened. */
export function missingEverywhere(results: readonly EndpointResult[]): string[] {
  const seen = results.flatMap(({ facts }) => facts ?? []);
  const [first] = seen;
  return first
    ? first.missing.looks.filter((name) => seen.every(({ missing: { looks } }) => looks.includes(name)))
    : [];
}

/** Why the organisation could not be opened. */
export const notOpened = (context: Context): Promise<string | undefined> =>
  context.opened().then(
    () => undefined,
    () => {
      context.signal.throwIfAborted();
      return context.real ? 'the organisation could not be opened' : 'the lab does not answer';
    },
  );

export const noShell = (context: Context): Promise<string | undefined> =>
  context.shell().then(
    () => undefined,
    () => {
      context.signal.throwIfAborted();
      return 'PowerShell does not start';
    },
  );

/** Why the organisation can't be read, if earlier checks show it. */
export async function whyUnread(context: Context): Promise<string | undefined> {
  const why = await noWay(context);
  if (why !== undefined) return why;
  const lacking = missingEverywhere(await context.endpoints().catch(() => []));
  const needed = ['Get-ExchangeServer', 'Get-DatabaseAvailabilityGroup'].filter((name) => lacking.includes(name));
  return needed.length > 0 ? `can’t be read without ${needed.join(' and ')}` : undefined;
}

/** The organisation, for checks that depend on it; undefined if it can't be read, which its own check reports. */
export async function knownOrganisation(context: Context): Promise<Organisation | undefined> {
  if ((await whyUnread(context)) !== undefined) return undefined;
  return context.organisation().catch(() => {
    context.signal.throwIfAborted();
    return undefined;
  });
}

/** Why calls can't reach Exchange. */
async function noWay(context: Context): Promise<string | undefined> {
  if (!usesPowerShell(context) || (await notOpened(context)) !== undefined) return undefined;
  const why = await noShell(context);
  if (why !== undefined) return why;
  const results = await context.endpoints();
  if (results.length === 0 || results.some(({ facts }) => facts)) return undefined;
  return `no session could be opened with ${results.length === 1 ? 'the endpoint' : 'any endpoint'}`;
}
