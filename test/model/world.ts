/** The organisation, so small that all of it can be gone through: what commands change, and the commands on their way. */
import type { Incident } from '../../src/incident/incident.ts';
import type { Intent } from '../../src/incident/intent.ts';
import { isOutstanding } from '../../src/incident/undo.ts';
import { type Exchange, ExchangeError, type ExchangeFailure } from '../../src/ports/exchange.ts';
import type { LedgerEntry } from '../../src/ports/store.ts';
import { reply, stubExchange } from '../support/stub.ts';

/** How often everything restarted is one hour apart: a fence tells one start from the next. */
const ONE_START = 3_600_000;

/** A command on its way to the far side; it may arrive, now or late, or never. */
export interface Flying {
  /** `step 3`, `undo 3:activation`: who asked, as the lab's log has it. */
  caller: string;
  intent: Intent;
  /** The worker that waits for its answer. */
  waits?: number;
}

export interface World {
  /** How often each service was restarted: `mbx1/MSExchangeIMAP4BE`. */
  starts: Readonly<Record<string, number>>;
  boots: number;
  blocked: boolean;
  log: boolean;
  /** The server holds an active database copy. */
  active: boolean;
  flying: readonly Flying[];
  /** How often the command of each caller took effect. */
  effects: Readonly<Record<string, number>>;
}

export type Effect = 'changed' | 'already' | 'refused';

const serviceOf = ({ server, arguments: { Name } }: Intent) => `${server}/${Name}`;
/** A reboot starts the services too. */
const startOf = (world: World, service: string) => ((world.starts[service] ?? 0) + world.boots + 1) * ONE_START;
const bootOf = (world: World) => (world.boots + 1) * ONE_START;

/** What the far side compares with the fence; above zero when it acted since. */
export function since(world: World, { command, fence, ...intent }: Intent): number | boolean {
  if (command === 'Restart-Service')
    return startOf(world, serviceOf({ command, fence, ...intent })) - Number(fence.startedAt);
  if (command === 'Restart-Computer') return bootOf(world) - Number(fence.bootedAt);
  if (command === 'Set-MailboxServer') return world.blocked !== fence.activationBlocked;
  return world.log !== fence.enabled;
}

/** The far side compares and acts, as src/lab/port/cmdlets.ts does. */
export function arrive(world: World, { caller, intent }: Flying): { world: World; effect: Effect } {
  const { command, arguments: given } = intent;
  const wanted = given.DatabaseCopyActivationDisabledAndMoveNow ?? given.ProtocolLogEnabled;
  const now = command === 'Set-MailboxServer' ? world.blocked : world.log;
  const moved = since(world, intent);
  if (typeof moved === 'boolean') {
    if (now === wanted) return { world, effect: 'already' };
    if (moved) return { world, effect: 'refused' };
  } else if (moved > 0) return { world, effect: 'already' };
  const effects = { ...world.effects, [caller]: (world.effects[caller] ?? 0) + 1 };
  return { world: { ...world, effects, ...changedBy(world, intent, wanted === true) }, effect: 'changed' };
}

function changedBy(world: World, intent: Intent, wanted: boolean): Partial<World> {
  switch (intent.command) {
    case 'Restart-Service': {
      const service = serviceOf(intent);
      return { starts: { ...world.starts, [service]: (world.starts[service] ?? 0) + 1 } };
    }
    case 'Restart-Computer':
      return { boots: world.boots + 1 };
    case 'Set-MailboxServer':
      return { blocked: wanted };
    default:
      return { log: wanted };
  }
}

/** How the organisation answers a question: truly, not at all, or that something stands in the way. */
export type Mood = 'true' | 'hangs' | 'cold' | 'disabled' | Extract<ExchangeFailure, 'unreachable' | 'accessDenied'>;

export function exchangeOf(world: World, mood: Mood, now: number): Exchange {
  const answer = async <T>(value: T) => {
    if (mood === 'unreachable' || mood === 'accessDenied') throw new ExchangeError(mood, mood);
    return reply(value);
  };
  const startType = mood === 'disabled' ? ('Disabled' as const) : ('Automatic' as const);
  const status = mood === 'hangs' ? ('StopPending' as const) : ('Running' as const);
  const rows = {
    healthSet: 'IMAP',
    name: 'm',
    targetResource: '',
    component: 'None',
    recurrenceSeconds: 60,
    timeoutSeconds: 30,
  };
  const copy = {
    database: 'db1',
    copies: 2,
    copyQueueLength: 0,
    replayQueueLength: 0,
    activationSuspended: false,
    lagged: false,
  };
  return stubExchange({
    service: (server, name) => answer({ name, status, startType, startedAt: startOf(world, `${server}/${name}`) }),
    services: () => answer([{ name: 'any', startType: 'Automatic', status: mood === 'cold' ? 'Stopped' : 'Running' }]),
    bootTime: () => answer({ bootedAt: bootOf(world), uptimeSeconds: (now - bootOf(world)) / 1000 }),
    serverHealth: () =>
      answer([{ ...rows, alertValue: 'Healthy', isStale: false, lastExecution: Number.MAX_SAFE_INTEGER }]),
    availabilityGroup: (name) => answer({ name, members: [] }),
    mailboxServer: (server) =>
      answer({ server, activationBlocked: world.blocked, autoActivationPolicy: 'Unrestricted' }),
    copiesOn: (server) => answer(world.active ? [{ ...copy, server, status: 'Mounted' }] : []),
    protocolLog: () => answer({ enabled: world.log, location: 'somewhere' }),
    componentStates: () => answer([]),
    recoveryActions: () => answer([]),
  });
}

/** What the ledger would say: the store keeps a debt until it is settled. */
export function ledgerOf({ undo, id, openedAt }: Incident, server: string, setting: string): LedgerEntry | undefined {
  const debt = undo.find((one) => isOutstanding(one) && one.server === server && one.setting === setting);
  return debt && { debt, incident: id, world: 'contoso.com', at: openedAt };
}
