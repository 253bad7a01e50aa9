import type { Instant } from '../incident/alert.ts';
import { groupOf } from '../incident/health.ts';
import { DISRUPTIVE } from '../incident/planned-change.ts';
import { isOverShare, troubleOf } from '../incident/trouble.ts';
import type { Store } from '../ports/store.ts';
import { ALLOW, type Guard } from './guard.ts';

/**
 * The same trouble on many servers at the same time is not the fault of each of them: restarting one after the other would only
 * add to it. Servers whose alerts came and which were not looked at yet are waited for before the first is touched.
 */
export const commonCause: Guard = {
  name: 'common-cause',
  reasons: ['common-cause', 'others-unseen'],
  async judge({ incident, run, change, target, organisation, settings, store, clock }) {
    const { within, servers: many } = settings.commonCause;
    const since = clock.now() - within;
    const world = organisation.id;
    const names = run.handles.map(troubleOf.monitor);
    const sick = await sickWith(store, world, names, incident.family, since);
    sick.add(incident.server);
    if (sick.size >= many) {
      const says = `${names.join(', ')} is unhealthy on ${sick.size} servers at the same time: no single server is at fault, so none is changed`;
      return { answer: 'refuse', reason: 'common-cause', says };
    }
    // Probes name the one server behind it that is sick: that one is treated, though the whole group sees it.
    const seesAnother = incident.backEnd !== undefined && incident.backEnd !== incident.server;
    if (seesAnother && !DISRUPTIVE.has(change.action)) return ALLOW;
    const facts = organisation.servers.find(({ server }) => server === incident.server) ?? target;
    const group = groupOf(facts);
    if (group === undefined) return ALLOW;
    const members = organisation.servers.filter((one) => groupOf(one) === group).map(({ server }) => server);
    const ill = members.filter((server) => sick.has(server));
    if (isOverShare(ill.length, members.length, settings.commonCause)) {
      const says = `${names.join(', ')} is unhealthy on ${ill.join(', ')} in ${group}: no single server is at fault, so none is changed`;
      return { answer: 'refuse', reason: 'common-cause', says };
    }
    const alerted = new Set(await store.troubled(world, [troubleOf.alerted(incident.family)], since));
    const unseen = members.filter((server) => alerted.has(server) && !sick.has(server));
    if (unseen.length > 0 && isOverShare(ill.length + unseen.length, members.length, settings.commonCause)) {
      const says = `${unseen.join(', ')} in ${group} may have the same problem and must be verified first`;
      return { answer: 'wait', reason: 'others-unseen', says };
    }
    return ALLOW;
  },
};

/** What was seen counts for a while, and for as long as the incident about it is open: it may have waited since then. */
export async function sickWith(
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
