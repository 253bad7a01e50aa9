import { type Alert, shortName } from '../incident/alert.ts';
import type { ServerFacts } from '../incident/health.ts';
import { ExchangeError, type Organisation } from '../ports/exchange.ts';
import type { Engine } from './parts.ts';

export function factsOf(organisation: Organisation, server: string): ServerFacts | undefined {
  return organisation.servers.find((facts) => facts.server === server);
}

/**
 * Real milliseconds: the limit of one request, and how long an alert that needs its answer is kept back without one.
 */
const ANSWERS_WITHIN = 5_000;
const KEPT_BACK = 2 * 60_000;

/**
 * The short name of the server that an alert is about: the first of its names that Exchange knows, else the first.
 * Undefined if it is not a machine: only a path names it, outside the domains of this organisation. Throws while
 * Exchange can't be asked; after a while the first name is used.
 */
export async function serverMeant(engine: Engine, alert: Alert): Promise<string | undefined> {
  const isDoubtful = alert.otherServers !== undefined || alert.namedByPath;
  if (!isDoubtful) return alert.server;
  const asked = await engine.exchange.organisation({ timeLimit: ANSWERS_WITHIN }).catch((error: unknown) => {
    if (!(error instanceof ExchangeError) || engine.realNow() - alert.receivedAt < KEPT_BACK) throw error;
    return undefined;
  });
  if (!asked) return alert.server;
  const names = [alert.serverAsSent, ...(alert.otherServers ?? [])];
  const known = names.map(shortName).find((name) => factsOf(asked.value, name));
  if (known !== undefined) return known;
  if (!alert.namedByPath || names.some((name) => mayBeMachine(asked.value, name))) return alert.server;
  engine.log.warn('Opened no incident for an alert whose server is not in this organisation', {
    alert: alert.id,
    source: alert.source,
    senderId: alert.senderId,
    named: alert.serverAsSent,
  });
  return undefined;
}

/** Whether it is a short name, or a name in the domain of a server of this organisation. */
function mayBeMachine({ servers }: Organisation, name: string): boolean {
  const domain = domainOf(name);
  return domain === '' || servers.some(({ fqdn }) => domainOf(fqdn) === domain);
}

const domainOf = (name: string) => name.toLowerCase().split('.').slice(1).join('.');
