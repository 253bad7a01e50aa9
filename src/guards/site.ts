import { ALLOW, type Guard } from './guard.ts';

/** Before a client access server goes down, another of its site must serve users: its own probes are asked. */
export const site: Guard = {
  name: 'site',
  reasons: ['no-other-server'],
  async judge({ incident, run, change, target, organisation, verifier, signal }) {
    if (change.action !== 'restart-server' || !target.roles.includes('client-access')) return ALLOW;
    const others = organisation.servers.filter(
      (facts) => facts.server !== target.server && facts.site === target.site && facts.roles.includes('client-access'),
    );
    const reasons: string[] = [];
    for (const { server } of others) {
      const seen = await verifier.family({ server, family: incident.family, hints: [] }, signal);
      if (seen.verdict === 'cleared') return ALLOW;
      reasons.push(`${server}: ${seen.reason}`);
    }
    const why = reasons.length > 0 ? reasons.join('; ') : 'there is no other';
    return {
      answer: 'refuse',
      reason: 'no-other-server',
      says: `No other client access server of ${target.site} is seen to be healthy (${why}), so ${target.server} is not restarted by ${run.playbook}`,
    };
  },
};
