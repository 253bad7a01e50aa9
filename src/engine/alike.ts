import { sickWith } from '../guards/common-cause.ts';
import { groupOf } from '../incident/health.ts';
import type { Incident } from '../incident/incident.ts';
import { isOverShare, troubleOf } from '../incident/trouble.ts';
import type { Engine } from './parts.ts';

/** The same trouble is on other servers too: one incident tells people of all of them. */
export interface Alike {
  /** The incident that tells. */
  speaker: string;
  /** In words: `IMAP is in trouble on 40 servers at a time`. */
  says: string;
  servers: string[];
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
  const world = incident.facts?.organisation ?? clock.epoch;
  const quiet = settings.commonCause.within / clock.speed;
  for (const { name, found } of mattersOf(engine, incident, world)) {
    const known = await store.spokesman(world, name, undefined, quiet);
    if (known !== undefined && known !== incident.id) return { speaker: known, says: `of many: ${name}`, servers: [] };
    const several = await found();
    if (!several) continue;
    const speaker = (await store.spokesman(world, name, incident.id, quiet)) ?? incident.id;
    return { speaker, ...several };
  }
  return undefined;
}

function mattersOf(engine: Engine, incident: Incident, world: string): Matter[] {
  const { facts, family } = incident;
  const group = facts && groupOf(facts);
  return [
    { name: `${family} everywhere`, found: () => everywhere(engine, incident, world) },
    ...(group === undefined
      ? []
      : [{ name: `${family} in ${group}`, found: () => inGroup(engine, incident, world, group) }]),
  ];
}

/** A storm. */
async function everywhere({ store, clock, settings }: Engine, { family }: Incident, world: string) {
  const { within, servers: many } = settings.commonCause;
  const lately = [troubleOf.alerted(family), troubleOf.sick(family), troubleOf.unseen(family)];
  const servers = new Set([
    ...(await store.troubled(world, [troubleOf.open(family)], 0)),
    ...(await store.troubled(world, lately, clock.now() - within)),
  ]);
  if (servers.size < many) return undefined;
  return { says: `${family} is in trouble on ${servers.size} servers at a time`, servers: [...servers].sort() };
}

async function inGroup(engine: Engine, { family, looked }: Incident, world: string, group: string) {
  const { store, clock, settings, exchange } = engine;
  const sick = looked?.monitors.filter((monitor) => monitor.verdict === 'confirmed').map(troubleOf.monitor) ?? [];
  const names = [...(sick.length > 0 ? sick : [troubleOf.unseen(family)]), troubleOf.alerted(family)];
  const ill = await sickWith(store, world, names, family, clock.now() - settings.commonCause.within);
  if (ill.size < 2) return undefined;
  const organisation = await exchange.organisation().catch(() => undefined);
  const members = organisation?.value.servers.filter((one) => groupOf(one) === group).map(({ server }) => server) ?? [];
  const servers = members.filter((server) => ill.has(server));
  if (!isOverShare(servers.length, members.length, settings.commonCause)) return undefined;
  return { says: `${family} is in trouble on ${servers.join(', ')} of ${group}`, servers };
}
