import { shortName } from '../../incident/alert.ts';
import type { DatabaseCopy } from '../../ports/exchange.ts';
import type { Server, World } from './world.ts';

/** The databases whose active copy is on a server, mounted or not. */
export function activeOn(world: World, server: string): string[] {
  return Object.keys(world.databases).filter((name) => world.databases[name]?.activeOn === server);
}

/** Whether the server is up with its Exchange services, so that its cluster node counts. */
export function nodeUp(server: Server | undefined): boolean {
  return server !== undefined && (server.boot === undefined || server.boot.stage === 'services');
}

/** Whether a member of a group is up as a node of its cluster. */
export function memberUp(world: World, group: string, member: string): boolean {
  return nodeUp(world.servers[member]) && !world.groups[group]?.nodesDown?.includes(member);
}

/** The witness may be a file server outside the organisation, which is always up. */
export function witnessUp(world: World, group: string): boolean {
  const { witness, witnessDown } = world.groups[group] ?? {};
  const server = world.servers[shortName(witness ?? '')];
  return witness !== undefined && !witnessDown && (server === undefined || nodeUp(server));
}

/** Whether more than half of the votes (members and witness) are up. */
function hasQuorum(world: World, group: string): boolean {
  const { members, witness } = world.groups[group] ?? { members: [] };
  const votes = members.filter((name) => memberUp(world, group, name)).length + (witnessUp(world, group) ? 1 : 0);
  return votes * 2 > members.length + (witness ? 1 : 0);
}

/** Rows of Get-MailboxDatabaseCopyStatus, of one server or of one database. */
export function copyRows(world: World, which: { server: string } | { database: string }): DatabaseCopy[] {
  const rows: DatabaseCopy[] = [];
  for (const [name, database] of Object.entries(world.databases)) {
    if ('database' in which && which.database !== name) continue;
    for (const [holder, copy] of Object.entries(database.copies)) {
      if ('server' in which && which.server !== holder) continue;
      rows.push({
        database: name,
        server: holder,
        status: statusOf(world, name, holder),
        copies: Math.max(Object.keys(database.copies).length, database.copiesInAll ?? 0),
        copyQueueLength: copy.copyQueueLength ?? 0,
        // A lagged copy does not replay its logs on purpose.
        replayQueueLength: copy.replayQueueLength ?? (copy.lagged ? 4_200 : 0),
        activationSuspended: copy.suspended,
        lagged: copy.lagged,
        ...(copy.error ? { error: copy.error } : {}),
      });
    }
  }
  return rows;
}

export function statusOf(world: World, name: string, holder: string): string {
  const database = world.databases[name]!;
  const server = world.servers[holder];
  const status = database.copies[holder]?.status;
  if (database.activeOn === holder) return database.dismounted ? 'Dismounted' : (status ?? 'Mounted');
  if (!nodeUp(server)) return 'ServiceDown';
  if (server?.boot) return 'Initializing';
  if (status) return status;
  return isSeeded(world, holder) ? 'Seeding' : 'Healthy';
}

/** `busy` with seeding: the copies on that server are being seeded. */
function isSeeded(world: World, server: string): boolean {
  return Object.values(world.troubles).some(
    ({ kind, state, body, ...trouble }) =>
      kind === 'busy' && state === 'present' && body.with === 'seeding' && trouble.server === server,
  );
}

/** The server that the active copy can move to, or the reasons of all other copies. */
export function chooseTarget(world: World, name: string): { target: string } | { reason: string } {
  const database = world.databases[name]!;
  const from = world.servers[database.activeOn]!;
  const others = Object.keys(database.copies).filter((holder) => holder !== from.name);
  if (others.length === 0) {
    return { reason: (database.copiesInAll ?? 1) > 1 ? 'its other copies are unknown' : 'it is the only copy' };
  }
  if (from.dag && !hasQuorum(world, from.dag)) return { reason: `${from.dag} has no quorum` };

  const stuck = Object.values(world.troubles).find(
    ({ kind, state, body, server }) =>
      kind === 'will-not-move' &&
      state === 'present' &&
      (body.database === undefined || String(body.database).toLowerCase() === name.toLowerCase()) &&
      (server === undefined || server === from.name),
  );
  if (stuck) return { reason: 'the source could not be dismounted: the replication service did not answer in time' };

  const refusals: string[] = [];
  const takers: string[] = [];
  for (const holder of others) {
    const why = whyNot(world, name, holder);
    if (why) refusals.push(`${holder}: ${why}`);
    else takers.push(holder);
  }
  // All queues are short here, so the server with the fewest databases, then by activation preference.
  takers.sort((a, b) => activeOn(world, a).length - activeOn(world, b).length);
  return takers[0] ? { target: takers[0] } : { reason: refusals.join('; ') };
}

function whyNot(world: World, name: string, holder: string): string | undefined {
  const database = world.databases[name]!;
  const copy = database.copies[holder]!;
  const from = world.servers[database.activeOn]!;
  const to = world.servers[holder]!;
  const status = statusOf(world, name, holder);
  if (status !== 'Healthy') return `the copy is ${status}`;
  if (copy.lagged) return 'the copy is lagged';
  if (copy.suspended) return 'activation of the copy is suspended';
  if (to.activationBlocked) return 'activation is disabled on the server';
  if (to.autoActivationPolicy === 'Blocked') return "the server's activation policy is Blocked";
  if (to.autoActivationPolicy === 'IntrasiteOnly' && to.site !== from.site) {
    return "the server's activation policy is IntrasiteOnly, and it is in another site";
  }
  if (to.maximumActiveDatabases !== undefined && activeOn(world, holder).length >= to.maximumActiveDatabases) {
    return `the server holds its maximum of ${to.maximumActiveDatabases} active databases`;
  }
  return undefined;
}
