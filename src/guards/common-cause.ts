import type { Instant } from '../incident/alert.ts';
import { groupOf } from '../incident/health.ts';
import { DISRUPTIVE } from '../incident/planned-change.ts';
import { isOverShare, troubleOf } from '../incident/trouble.ts';
import type { Store } from '../ports/store.ts';
import { ALLOW, type Guard } from './guard.ts';

/**
 * The same problem on many servers at the same time is not the fault of each: restarting them one after another would
 * only add to it. Servers with alerts that are not verified yet are waited for before the first one is changed.
 */
export const commonCause: Guard = {
  name: 'common-cause',
  reasons: ['common-cause', 'others-unseen'],
  requires: 'the same problem is not on several servers at once',
  async judge({ incident, run, change, target, organisation, settings, store, clock }) {
    const { within, servers: many } = settings.commonCause;
    const since = clock.now() - within;
    const { id } = organisation;
    const names = run.handles.map(troubleOf.monitor);
    const unhealthy = await unhealthyWith(store, id, names, incident.family, since);
    unhealthy.add(incident.server);
    if (unhealthy.size >= many) {
      const says = `${names.join(', ')} is unhealthy on ${unhealthy.size} servers at the same time: no single server is at fault, so none is changed`;
      return { answer: 'refuse', reason: 'common-cause', says };
    }
    // If probes name another, unhealthy server behind it, that one is treated even though the whole group is affected.
    const seesAnother = incident.backEnd !== undefined && incident.backEnd !== incident.server;
    if (seesAnother && !DISRUPTIVE.has(change.action)) return ALLOW;
    const facts = organisation.servers.find(({ server }) => server === incident.server) ?? target;
    const group = groupOf(facts);
    if (group === undefined) return ALLOW;
    const members = organisation.servers.filter((one) => groupOf(one) === group).map(({ server }) => server);
    const affected = members.filter((server) => unhealthy.has(server));
    if (isOverShare(affected.length, members.length, settings.commonCause)) {
      const says = `${names.join(', ')} is unhealthy on ${affected.join(', ')} in ${group}: no single server is at fault, so none is changed`;
      return { answer: 'refuse', reason: 'common-cause', says };
    }
    const alerted = new Set(await store.troubled(id, [troubleOf.alerted(incident.family)], since));
    const unverified = members.filter((server) => alerted.has(server) && !unhealthy.has(server));
    if (
      unverified.length > 0 &&
      isOverShare(affected.length + unverified.length, members.length, settings.commonCause)
    ) {
      const says = `${unverified.join(', ')} in ${group} may have the same problem and must be verified first`;
      return { answer: 'wait', reason: 'others-unseen', says };
    }
    return ALLOW;
  },
};

/**
 * The servers with one of these problems. A problem counts for a while, and for as long as its incident is open,
 * because that may have been waiting since then.
 */
export async function unhealthyWith(
  store: Pick<Store, 'troubled'>,
  organisation: string,
  names: string[],
  family: string,
  since: Instant,
): Promise<Set<string>> {
  const [lately, ever, open] = await Promise.all([
    store.troubled(organisation, names, since),
    store.troubled(organisation, names, 0),
    store.troubled(organisation, [troubleOf.open(family)], 0),
  ]);
  const isOpen = new Set(open);
  return new Set([...lately, ...ever.filter((server) => isOpen.has(server))]);
}
