import { unhealthyWith } from '../../guards/common-cause.ts';
import { ANY_FAMILY } from '../../incident/alert.ts';
import { groupOf } from '../../incident/health.ts';
import { type Incident, isUnverified } from '../../incident/incident.ts';
import { isOverShare, troubleOf } from '../../incident/trouble.ts';
import type { Engine } from '../parts.ts';

/** The same trouble is on other servers too: one incident tells people of all of them. */
export interface Alike {
  /** The incident that tells. */
  speaker: string;
  /** In words: `IMAP has problems on 40 servers at the same time`. */
  says: string;
  servers: string[];
}

/** Real milliseconds at a clock's speed of one for which a report that nobody can verify is not told again. */
const TOLD_FOR = 24 * 3_600_000;

/**
 * The incident that has told of the very same report on this server already, where health was seen and only the report
 * could not be verified: senders repeat what nobody has closed, and the daemon would say the same each time.
 */
export async function notifiedBefore(engine: Engine, incident: Incident): Promise<Alike | undefined> {
  if (!isUnverified(incident)) return undefined;
  const { store, clock } = engine;
  const organisation = incident.facts?.organisation ?? clock.epoch;
  const report = `unverified ${incident.server} ${incident.verified?.unverified?.join('; ')}`;
  const speaker = await store.claimNotification(organisation, report, incident.id, TOLD_FOR / clock.speed);
  if (speaker === undefined || speaker === incident.id) return undefined;
  return { speaker, says: 'the same report on the same server', servers: [] };
}

interface Matter {
  name: string;
  /** Undefined when it is no matter of several. */
  found(): Promise<{ says: string; servers: string[] } | undefined>;
}

/**
 * Whether an incident's trouble is one of many; undefined when it is its own. Alerts are believed here, as they decide
 * nothing but how many messages are sent. Who told of a matter goes on to speak for it until it has been quiet for as
 * long as one sight of trouble counts, so that the last of a storm are no news either.
 */
export async function alike(engine: Engine, incident: Incident): Promise<Alike | undefined> {
  const { store, clock, settings } = engine;
  const organisation = incident.facts?.organisation ?? clock.epoch;
  const quiet = settings.commonCause.within / clock.speed;
  for (const { name, found } of mattersOf(engine, incident, organisation)) {
    const known = await store.claimNotification(organisation, name, undefined, quiet);
    if (known !== undefined && known !== incident.id)
      return { speaker: known, says: `one of many: ${name}`, servers: [] };
    const several = await found();
    if (!several) continue;
    const speaker = (await store.claimNotification(organisation, name, incident.id, quiet)) ?? incident.id;
    return { speaker, ...several };
  }
  return undefined;
}

function mattersOf(engine: Engine, incident: Incident, organisation: string): Matter[] {
  const { facts, family } = incident;
  const group = facts && groupOf(facts);
  return [
    { name: `${family} everywhere`, found: () => everywhere(engine, incident, organisation) },
    ...(group === undefined
      ? []
      : [{ name: `${family} in ${group}`, found: () => inGroup(engine, incident, organisation, group) }]),
  ];
}

/** A storm. */
async function everywhere({ store, clock, settings }: Engine, { family }: Incident, organisation: string) {
  const { within, servers: many } = settings.commonCause;
  const lately = [troubleOf.alerted(family), troubleOf.unhealthy(family), troubleOf.unseen(family)];
  const servers = new Set([
    ...(await store.troubled(organisation, [troubleOf.open(family)], 0)),
    ...(await store.troubled(organisation, lately, clock.now() - within)),
  ]);
  if (servers.size < many) return undefined;
  return { says: troubleOn(family, `${servers.size} servers at the same time`), servers: [...servers].sort() };
}

async function inGroup(engine: Engine, { family, verified }: Incident, world: string, group: string) {
  const { store, clock, settings, exchange } = engine;
  const sick = verified?.monitors.filter((monitor) => monitor.verdict === 'confirmed').map(troubleOf.monitor) ?? [];
  const names = [...(sick.length > 0 ? sick : [troubleOf.unseen(family)]), troubleOf.alerted(family)];
  const ill = await unhealthyWith(store, world, names, family, clock.now() - settings.commonCause.within);
  if (ill.size < 2) return undefined;
  const organisation = await exchange.organisation().catch(() => undefined);
  const members = organisation?.value.servers.filter((one) => groupOf(one) === group).map(({ server }) => server) ?? [];
  const servers = members.filter((server) => ill.has(server));
  if (!isOverShare(servers.length, members.length, settings.commonCause)) return undefined;
  return { says: troubleOn(family, `${servers.join(', ')} in ${group}`), servers };
}

function troubleOn(family: string, where: string): string {
  return family === ANY_FAMILY
    ? `alerts that name no health set arrived for ${where}`
    : `${family} has problems on ${where}`;
}
