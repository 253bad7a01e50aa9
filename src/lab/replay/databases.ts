/** The databases of a recording and the states of their copies. */
import { shortName } from '../../incident/alert.ts';
import type { DatabaseCopy } from '../../ports/exchange.ts';
import { answered, type Recording } from '../../recording/recording.ts';
import { statusOf } from '../world/databases.ts';
import type { Copy } from '../world/world.ts';
import type { Replay } from './parts.ts';

const ACTIVE = /^(Mount|Dismount)/;
/** Transitional states: in the lab, nothing ends them. */
const PASSING = /^(Mounting|Dismounting|Initializing|Resynchronizing|Seeding)$/;

export function replayDatabases(recording: Recording, { world, notes }: Replay): void {
  const seen = copiesByDatabase(recording);
  for (const [name, rows] of seen) {
    const known = rows.filter(({ server }) => {
      const isKnown = Object.hasOwn(world.servers, shortName(server));
      if (!isKnown)
        notes.add('Copies on servers that are not in the organisation are left out', `${name} on ${server}`);
      return isKnown;
    });
    const active = known.find(({ status }) => status === 'Mounted') ?? known.find(({ status }) => ACTIVE.test(status));
    if (!active) notes.add('Databases whose active copy was not recorded have no active copy', name);
    const inAll = Math.max(...rows.map(({ copies }) => copies));
    if (inAll > known.length)
      notes.add('Copies that were not recorded are missing', `${inAll - known.length} of ${name}`);
    world.databases[name] = {
      activeOn: active ? shortName(active.server) : '',
      copies: Object.fromEntries(known.map((row) => [shortName(row.server), copyOf(row)])),
      monitoringMailboxes: true,
      dismounted: active?.status === 'Dismounted',
      ...(inAll > known.length && { copiesInAll: inAll }),
    };
  }
  const servers = recording.servers.filter((each) => answered(each.copiesOn));
  const holders = Object.values(world.servers).filter(({ roles }) => roles.includes('mailbox'));
  if (holders.some(({ name }) => !servers.some(({ server }) => shortName(server) === name))) {
    world.hasUnseenDatabases = true;
  }
  noteStatus(seen, world, notes);
}

/** All rows of a database: answers about the database take precedence over answers about a server. */
function copiesByDatabase({ servers, databases }: Recording): Map<string, DatabaseCopy[]> {
  const found = new Map<string, DatabaseCopy[]>();
  const spelt = new Map<string, string>();
  const rows = [
    ...databases.flatMap(({ copiesOf }) => answered(copiesOf) ?? []),
    ...servers.flatMap(({ copiesOn }) => answered(copiesOn) ?? []),
  ];
  for (const row of rows) {
    const name = spelt.get(row.database.toLowerCase()) ?? row.database;
    spelt.set(row.database.toLowerCase(), name);
    const copies = found.get(name) ?? [];
    found.set(name, copies);
    if (!copies.some(({ server }) => shortName(server) === shortName(row.server))) copies.push(row);
  }
  // By name, as Exchange lists them.
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function copyOf({ lagged, activationSuspended, error, copyQueueLength, replayQueueLength }: DatabaseCopy): Copy {
  return {
    lagged,
    suspended: activationSuspended,
    ...(error !== undefined && { error }),
    copyQueueLength,
    replayQueueLength,
  };
}

/** Keeps recorded states that do not follow from databases and servers. */
function noteStatus(seen: Map<string, DatabaseCopy[]>, world: Replay['world'], notes: Replay['notes']): void {
  for (const [name, rows] of seen) {
    for (const { server, status } of rows) {
      const copy = world.databases[name]?.copies[shortName(server)];
      if (!copy || statusOf(world, name, shortName(server)) === status) continue;
      copy.status = status;
      if (PASSING.test(status))
        notes.add('Copies in a transitional state stay in it', `${name} on ${server} (${status})`);
    }
  }
}
