import { openWindow } from '../config/windows.ts';
import { groupOf } from '../incident/health.ts';
import { sameName } from '../incident/names.ts';
import { type DatabaseCopy, ExchangeError, type MailboxServer, type Organisation } from '../ports/exchange.ts';
import { outOfService } from '../verification/components.ts';
import { describeCopy, isActive } from '../verification/copies.ts';
import { ALLOW, type Answer, type Guard, type GuardContext } from './guard.ts';
import { ask } from './mode.ts';

/** Number of log files a copy may be behind and still count as healthy. */
const LONGEST_QUEUE = 100;

/**
 * Before databases are moved: each active one has a healthy copy elsewhere that may become active. Before a reboot:
 * none is active on the server. Before both: the group keeps its quorum without this server.
 */
export const dagGate: Guard = {
  name: 'dag',
  reasons: ['only-copy', 'no-healthy-copy', 'active-copies', 'quorum', 'other-site'],
  requires:
    'each active database has a healthy copy that may take over, none is active at a restart, and the group keeps its quorum',
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

async function everyDatabaseCanMove(context: GuardContext): Promise<Answer | undefined> {
  const { target, exchange, organisation, signal } = context;
  const { value: here } = await exchange.copiesOn(target.server, { signal });
  const receivers = new Map<string, Promise<Receiver>>();
  const elsewhere: string[] = [];
  for (const copy of here.filter(isActive)) {
    if (copy.copies < 2) {
      const says = `${copy.database} has only this copy, on ${target.server}: it can't be moved, so the server is not restarted`;
      return { answer: 'refuse', reason: 'only-copy', says };
    }
    const { value: copies } = await exchange.copiesOf(copy.database, { signal });
    const others = copies
      .filter((candidate) => candidate.server !== target.server)
      .map((candidate) => ({ candidate, near: siteOf(organisation, candidate.server) === target.site }))
      .sort((a, b) => Number(b.near) - Number(a.near));
    const reasons: string[] = [];
    let taken: { server: string; near: boolean } | undefined;
    for (const { candidate, near } of others) {
      const reading = receivers.get(candidate.server) ?? readReceiver(context, candidate.server);
      receivers.set(candidate.server, reading);
      const receiver = await reading;
      const why = whyNot(candidate, receiver, near);
      if (why === undefined) {
        // This database takes the place: the next one must find another.
        receiver.active += 1;
        taken = { server: candidate.server, near };
        break;
      }
      reasons.push(`${candidate.server}: ${why}`);
    }
    if (!taken) {
      const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
      const says = `${copy.database} has no healthy copy elsewhere that may become active${why}`;
      return { answer: 'refuse', reason: 'no-healthy-copy', says };
    }
    if (!taken.near) elsewhere.push(`${copy.database} to ${taken.server}`);
  }
  if (elsewhere.length === 0) return undefined;
  const says = `Databases would move to another site (${elsewhere.join(', ')}), because ${target.site} has no healthy copy of them`;
  const asked = ask(context, 'other-site', says);
  return asked.answer === 'allow' ? undefined : asked;
}

interface Receiver {
  settings: MailboxServer;
  active: number;
  /** Why no database should move there now, if so. */
  away: string | undefined;
}

async function readReceiver(context: GuardContext, server: string): Promise<Receiver> {
  const { exchange, signal } = context;
  const { value: settings } = await exchange.mailboxServer(server, { signal });
  const { value: copies } = await exchange.copiesOn(server, { signal });
  return { settings, active: copies.filter(isActive).length, away: await whyAway(context, server) };
}

/** Servers under maintenance don't take over databases. */
async function whyAway(context: GuardContext, server: string): Promise<string | undefined> {
  const { exchange, organisation, settings, clock, signal } = context;
  const facts = organisation.servers.find((one) => one.server === server);
  const window = openWindow(settings.maintenance, { server, group: facts && groupOf(facts) }, clock.now());
  if (window) return `it is in maintenance (${window.window.name})`;
  try {
    const { value: states } = await exchange.componentStates(server, { signal });
    const [off] = outOfService(states, ['ServerWideOffline']);
    return off && `its ${off.component} is ${off.state}`;
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== 'unreachable') throw error;
    return 'it does not answer';
  }
}

const siteOf = ({ servers }: Organisation, server: string) => servers.find((facts) => facts.server === server)?.site;

/** Why a copy can't take over; undefined if it can. */
function whyNot(copy: DatabaseCopy, { settings, active, away }: Receiver, sameSite: boolean): string | undefined {
  if (!sameName(copy.status, 'Healthy')) return `its copy is ${copy.status}`;
  if (copy.lagged) return 'its copy is lagged on purpose';
  if (copy.activationSuspended) return 'its copy is suspended for activation';
  if (copy.copyQueueLength > LONGEST_QUEUE) return `its copy queue is ${copy.copyQueueLength} long`;
  if (copy.replayQueueLength > LONGEST_QUEUE) return `its replay queue is ${copy.replayQueueLength} long`;
  if (away !== undefined) return away;
  if (settings.activationBlocked) return 'activation is blocked there';
  if (sameName(settings.autoActivationPolicy, 'Blocked')) return 'its activation policy is Blocked';
  if (sameName(settings.autoActivationPolicy, 'IntrasiteOnly') && !sameSite)
    return 'it is in another site and its activation policy is IntrasiteOnly';
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

/** Checks every group that this server votes in, as a member or as the host of the witness. */
async function quorumHolds({ target, organisation, exchange, signal }: GuardContext): Promise<Answer | undefined> {
  const groups = new Set(organisation.servers.flatMap((facts) => facts.dag ?? []));
  for (const name of groups) {
    const { value: group } = await exchange.availabilityGroup(name, { signal });
    const isMember = group.members.some((member) => member.server === target.server);
    const isWitness = group.witness?.server === target.server;
    if (!isMember && !isWitness) continue;
    // The witness votes if the number of members is even.
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
