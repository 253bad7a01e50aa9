import type { ServerFacts } from '../incident/health.ts';
import type { Organisation } from '../ports.ts';

export function factsOf(organisation: Organisation, server: string): ServerFacts | undefined {
  return organisation.servers.find((facts) => facts.server === server);
}
