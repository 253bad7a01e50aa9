import { type Exchange, ExchangeError } from '../ports/exchange.ts';
import { componentsOfFamilies, describeOut, familiesOf, outOfService } from '../verification/components.ts';
import { ALLOW, type Guard } from './guard.ts';

/**
 * Before a client access server is restarted, another one of its site must serve users, according to that server's own
 * probes.
 */
export const site: Guard = {
  name: 'site',
  reasons: ['no-other-server'],
  requires: 'another client access server of the site is healthy and in service, before one restarts',
  async judge({ incident, run, change, target, organisation, verifier, exchange, signal }) {
    if (change.action !== 'restart-server' || !target.roles.includes('client-access')) return ALLOW;
    const others = organisation.servers.filter(
      (facts) => facts.server !== target.server && facts.site === target.site && facts.roles.includes('client-access'),
    );
    const { value: rows } = await exchange.serverHealth(target.server, { signal });
    const serving = ['ServerWideOffline', ...componentsOfFamilies(familiesOf(run.handles), rows)];
    const reasons: string[] = [];
    for (const { server } of others) {
      // Its probe may still succeed, but clients are not sent there.
      const away = await whyAway(exchange, server, serving, signal);
      if (away !== undefined) {
        reasons.push(away);
        continue;
      }
      const seen = await verifier.family({ server, family: incident.family, hints: [] }, signal);
      if (seen.verdict === 'cleared') return ALLOW;
      reasons.push(`${server}: ${seen.reason}`);
    }
    const why = reasons.length > 0 ? reasons.join('; ') : 'there is no other';
    return {
      answer: 'refuse',
      reason: 'no-other-server',
      says: `No other client access server of ${target.site} is known to be healthy (${why}), so ${target.server} is not restarted by ${run.playbook}`,
    };
  },
};

/** Why a server serves no clients, regardless of who decided that; undefined if it serves them. */
async function whyAway(
  exchange: Exchange,
  server: string,
  components: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { value: states } = await exchange.componentStates(server, { signal });
    const [out] = outOfService(states, components);
    return out && describeOut(out, server);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== 'unreachable') throw error;
    return `${server} does not answer`;
  }
}
