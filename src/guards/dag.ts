import type { DatabaseCopy, Exchange, MailboxServer } from '../ports.ts';
import { describeCopy, isActive } from '../steps/databases.ts';
import { ALLOW, type Answer, type Guard, type GuardContext } from './guard.ts';

/** Log files a copy may be behind and still count as healthy. */
const LONGEST_QUEUE = 100;

/**
 * Before databases are moved away: each active one has a healthy copy elsewhere that may become active. Before a reboot:
 * none is active here any more. Before both: the group keeps its quorum without this server.
 */
export const dagGate: Guard = {
  name: 'dag',
  reasons: ['only-copy', 'no-healthy-copy', 'active-copies', 'quorum'],
  async judge(context) {
    const { change } = context;
    if (change.action === 'fail-over-databases') {
      return (await everyDatabaseCanMove(context)) ?? (await quorumHolds(context)) ?? ALLOW;
    }
    if (change.action === 'restart-server') {
      return (await nothingActiveHere(context)) ?? (await quorumHolds(context)) ?? ALLOW;
    }
    return ALLOW;
  },
};

async function everyDatabaseCanMove({
  target,
  exchange,
  organisation,
  signal,
}: GuardContext): Promise<Answer | undefined> {
  const { value: here } = await exchange.copiesOn(target.server, { signal });
  const servers = new Map<string, Promise<Receiver>>();
  for (const copy of here.filter(isActive)) {
    if (copy.copies < 2) {
      const says = `${copy.database} has only this copy, on ${target.server}: it can't be moved, so the server is not restarted`;
      return { answer: 'refuse', reason: 'only-copy', says };
    }
    const { value: copies } = await exchange.copiesOf(copy.database, { signal });
    const reasons: string[] = [];
    let moves = false;
    for (const other of copies.filter((candidate) => candidate.server !== target.server)) {
      const reading = servers.get(other.server) ?? readReceiver(exchange, other.server, signal);
      servers.set(other.server, reading);
      const receiver = await reading;
      const site = organisation.servers.find((facts) => facts.server === other.server)?.site;
      const why = whyNot(other, receiver, site === target.site);
      moves = why === undefined;
      if (moves) {
        // Its place is taken: the next database must find another.
        receiver.active += 1;
        break;
      }
      reasons.push(`${other.server}: ${why}`);
    }
    if (!moves) {
      const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
      const says = `${copy.database} has no healthy copy elsewhere that may become active${why}`;
      return { answer: 'refuse', reason: 'no-healthy-copy', says };
    }
  }
  return undefined;
}

interface Receiver {
  settings: MailboxServer;
  active: number;
}

async function readReceiver(exchange: Exchange, server: string, signal: AbortSignal): Promise<Receiver> {
  const { value: settings } = await exchange.mailboxServer(server, { signal });
  const { value: copies } = await exchange.copiesOn(server, { signal });
  return { settings, active: copies.filter(isActive).length };
}

/** Why a copy can't take over; undefined when it can. */
function whyNot(copy: DatabaseCopy, { settings, active }: Receiver, sameSite: boolean): string | undefined {
  if (copy.status !== 'Healthy') return `its copy is ${copy.status}`;
  if (copy.lagged) return 'its copy is lagged on purpose';
  if (copy.activationSuspended) return 'its copy is suspended for activation';
  if (copy.copyQueueLength > LONGEST_QUEUE) return `its copy queue is ${copy.copyQueueLength} long`;
  if (copy.replayQueueLength > LONGEST_QUEUE) return `its replay queue is ${copy.replayQueueLength} long`;
  if (settings.activationBlocked) return 'activation is blocked there';
  if (settings.autoActivationPolicy === 'Blocked') return 'its activation policy is Blocked';
  if (settings.autoActivationPolicy === 'IntrasiteOnly' && !sameSite) return 'it is in another site and IntrasiteOnly';
  if (settings.maximumActiveDatabases !== undefined && active >= settings.maximumActiveDatabases) {
    return `it holds its maximum of ${settings.maximumActiveDatabases} active databases`;
  }
  return undefined;
}

async function nothingActiveHere({ target, exchange, signal }: GuardContext): Promise<Answer | undefined> {
  if (!target.roles.includes('mailbox')) return undefined;
  const { value: copies } = await exchange.copiesOn(target.server, { signal });
  const active = copies.filter(isActive);
  if (active.length === 0) return undefined;
  const says = `${active.map(describeCopy).join(', ')} on ${target.server}: a server with active copies is not restarted`;
  return { answer: 'refuse', reason: 'active-copies', says };
}

/** Every group that this server votes in, be it as a member or as the host of the witness. */
async function quorumHolds({ target, organisation, exchange, signal }: GuardContext): Promise<Answer | undefined> {
  const groups = new Set(organisation.servers.flatMap((facts) => facts.dag ?? []));
  for (const name of groups) {
    const { value: group } = await exchange.availabilityGroup(name, { signal });
    const isMember = group.members.some((member) => member.server === target.server);
    const isWitness = group.witness?.server === target.server;
    if (!isMember && !isWitness) continue;
    // The witness votes where the number of members is even.
    const witnessVotes = group.members.length % 2 === 0 && group.witness !== undefined;
    const votes = group.members.length + (witnessVotes ? 1 : 0);
    const left =
      group.members.filter((member) => member.up && member.server !== target.server).length +
      (witnessVotes && group.witness?.up && !isWitness ? 1 : 0);
    if (left * 2 <= votes) {
      const says = `Without ${target.server}, ${name} would keep ${left} of ${votes} votes and lose its quorum`;
      return { answer: 'refuse', reason: 'quorum', says };
    }
  }
  return undefined;
}
