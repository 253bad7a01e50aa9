import { groupOf } from '../incident/health.ts';
import type { Incident } from '../incident/incident.ts';
import { isOverShare, troubleOf } from '../incident/trouble.ts';
import type { Engine } from './parts.ts';

/** Real milliseconds (in a lab by its speed) during which one incident speaks for all that have the same trouble. */
const SPEAKS_FOR = 60 * 60_000;

/** The same trouble is on other servers too: one incident tells people of all of them. */
export interface Alike {
  /** The incident that tells. */
  speaker: string;
  /** In words: `IMAP is in trouble on 40 servers at a time`. */
  says: string;
  servers: string[];
}

/**
 * Whether an incident's trouble is one of many; undefined when it is its own. Alerts are believed here, as they decide
 * nothing but how many messages are sent.
 */
export async function alike(engine: Engine, incident: Incident): Promise<Alike | undefined> {
  const { store, clock, settings } = engine;
  const world = incident.facts?.organisation ?? clock.epoch;
  const found = (await everywhere(engine, incident, world)) ?? (await inGroup(engine, incident, world));
  if (!found) return undefined;
  const ms = Math.max(SPEAKS_FOR, settings.commonCause.within) / clock.speed;
  const speaker = await store.spokesman(world, found.matter, incident.id, ms);
  return { speaker, says: found.says, servers: found.servers };
}

interface Found {
  matter: string;
  says: string;
  servers: string[];
}

/** A storm. */
async function everywhere(engine: Engine, { family }: Incident, world: string): Promise<Found | undefined> {
  const { store, clock, settings } = engine;
  const { within, servers: many } = settings.commonCause;
  const names = [troubleOf.alerted(family), troubleOf.sick(family), troubleOf.unseen(family)];
  const servers = await store.troubled(world, names, clock.now() - within);
  if (servers.length < many) return undefined;
  return {
    matter: `everywhere ${family}`,
    says: `${family} is in trouble on ${servers.length} servers at a time`,
    servers,
  };
}

async function inGroup(engine: Engine, incident: Incident, world: string): Promise<Found | undefined> {
  const { store, clock, settings, exchange } = engine;
  const { facts, family, looked } = incident;
  const group = facts && groupOf(facts);
  if (group === undefined) return undefined;
  const sick = looked?.monitors.filter((monitor) => monitor.verdict === 'confirmed').map(troubleOf.monitor) ?? [];
  const names = [...(sick.length > 0 ? sick : [troubleOf.unseen(family)]), troubleOf.alerted(family)];
  const ill = await store.troubled(world, names, clock.now() - settings.commonCause.within);
  if (ill.length < 2) return undefined;
  const organisation = await exchange.organisation().catch(() => undefined);
  const members = organisation?.value.servers.filter((one) => groupOf(one) === group).map(({ server }) => server) ?? [];
  const servers = members.filter((server) => ill.includes(server));
  if (!isOverShare(servers.length, members.length, settings.commonCause)) return undefined;
  return {
    matter: `${group} ${family}`,
    says: `${family} is in trouble on ${servers.join(', ')} of ${group}`,
    servers,
  };
}
