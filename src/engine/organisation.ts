import type { ServerFacts } from '../incident/health.ts';
import type { Organisation } from '../ports.ts';

/** What disruptive actions on this server are serialised over: its DAG, or the client access servers of its site. */
export function groupOf(facts: ServerFacts): string | undefined {
  if (facts.group) return facts.group;
  if (facts.dag) return facts.dag;
  return facts.roles.includes('client-access') ? `cas:${facts.site}` : undefined;
}

export function factsOf(organisation: Organisation, server: string): ServerFacts | undefined {
  return organisation.servers.find((facts) => facts.server === server);
}
