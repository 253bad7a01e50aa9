import { unhealthyWith } from '../../guards/common-cause.ts';
import { ANY_FAMILY } from '../../incident/alert.ts';
import { groupOf } from '../../incident/health.ts';
import { type Incident, isUnverified } from '../../incident/incident.ts';
import { isOverShare, troubleOf } from '../../incident/trouble.ts';
import type { Engine } from '../parts.ts';

/** The same problem on several servers: one incident notifies people about all of them. */
export interface SharedNotification {
  /** The incident that notifies people. */
  notifiedBy: string;
  /** For people: `IMAP has problems on 40 servers at the same time`. */
  says: string;
  servers: string[];
}

/** Real milliseconds (at clock speed 1) for which a report that can't be verified is not sent again. */
const NOT_REPEATED_FOR = 24 * 3_600_000;

/**
 * The incident that already notified people about the same report on this server, if everything else was healthy and
 * only the report could not be verified. Senders repeat unclosed alerts, and the daemon would send the same message
 * each time.
 */
export async function notifiedBefore(engine: Engine, incident: Incident): Promise<SharedNotification | undefined> {
  if (!isUnverified(incident)) return undefined;
  const { store, clock } = engine;
  const organisation = incident.facts?.organisation ?? clock.epoch;
  const report = `unverified ${incident.server} ${incident.verified?.unverified?.join('; ')}`;
  const notifiedBy = await store.claimNotification(organisation, report, incident.id, NOT_REPEATED_FOR / clock.speed);
  if (notifiedBy === undefined || notifiedBy === incident.id) return undefined;
  return { notifiedBy, says: 'the same report on the same server', servers: [] };
}

interface Problem {
  name: string;
  /** Undefined if it does not affect several servers. */
  found(): Promise<{ says: string; servers: string[] } | undefined>;
}

/**
 * Whether an incident is one of many with the same problem; undefined if not. Alerts are trusted here, because they
 * only decide how many messages are sent. The incident that notified people about a problem keeps doing so until it has
 * been quiet for the common-cause period, so that the last incidents of a storm send no message either.
 */
export async function sharedNotification(engine: Engine, incident: Incident): Promise<SharedNotification | undefined> {
  const { store, clock, settings } = engine;
  const organisation = incident.facts?.organisation ?? clock.epoch;
  const quiet = settings.commonCause.within / clock.speed;
  for (const { name, found } of problemsOf(engine, incident, organisation)) {
    const known = await store.claimNotification(organisation, name, undefined, quiet);
    if (known !== undefined && known !== incident.id)
      return { notifiedBy: known, says: `one of many: ${name}`, servers: [] };
    const several = await found();
    if (!several) continue;
    const notifiedBy = (await store.claimNotification(organisation, name, incident.id, quiet)) ?? incident.id;
    return { notifiedBy, ...several };
  }
  return undefined;
}

function problemsOf(engine: Engine, incident: Incident, organisation: string): Problem[] {
  const { facts, family } = incident;
  const group = facts && groupOf(facts);
  return [
    { name: `${family} everywhere`, found: () => everywhere(engine, incident, organisation) },
    ...(group === undefined
      ? []
      : [{ name: `${family} in ${group}`, found: () => inGroup(engine, incident, organisation, group) }]),
  ];
}

/** The problem is on many servers, in any group. */
async function everywhere({ store, clock, settings }: Engine, { family }: Incident, organisation: string) {
  const { within, servers: many } = settings.commonCause;
  const recent = [troubleOf.alerted(family), troubleOf.unhealthy(family), troubleOf.unseen(family)];
  const servers = new Set([
    ...(await store.troubled(organisation, [troubleOf.open(family)], 0)),
    ...(await store.troubled(organisation, recent, clock.now() - within)),
  ]);
  if (servers.size < many) return undefined;
  return { says: troubleOn(family, `${servers.size} servers at the same time`), servers: [...servers].sort() };
}

async function inGroup(engine: Engine, { family, verified }: Incident, id: string, group: string) {
  const { store, clock, settings, exchange } = engine;
  const unhealthy =
    verified?.monitors.filter((monitor) => monitor.verdict === 'confirmed').map(troubleOf.monitor) ?? [];
  const names = [...(unhealthy.length > 0 ? unhealthy : [troubleOf.unseen(family)]), troubleOf.alerted(family)];
  const affected = await unhealthyWith(store, id, names, family, clock.now() - settings.commonCause.within);
  if (affected.size < 2) return undefined;
  const organisation = await exchange.organisation().catch(() => undefined);
  const members = organisation?.value.servers.filter((one) => groupOf(one) === group).map(({ server }) => server) ?? [];
  const servers = members.filter((server) => affected.has(server));
  if (!isOverShare(servers.length, members.length, settings.commonCause)) return undefined;
  return { says: troubleOn(family, `${servers.join(', ')} in ${group}`), servers };
}

function troubleOn(family: string, where: string): string {
  return family === ANY_FAMILY
    ? `alerts that name no health set arrived for ${where}`
    : `${family} has problems on ${where}`;
}
