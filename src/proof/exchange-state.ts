/** What commands change in the organisation, kept so small that every state of it can be visited. */
import type { Incident } from '../incident/incident.ts';
import type { Intent } from '../incident/intent.ts';
import { isOutstanding } from '../incident/undo.ts';
import { type Exchange, ExchangeError, type ExchangeFailure, type Reply, type ScriptState } from '../ports/exchange.ts';
import type { LedgerEntry } from '../ports/store.ts';

/** Start and boot times lie one hour apart, so that a fence tells one from the next. */
const ONE_START = 3_600_000;

export interface ExchangeState {
  /** How often each service was restarted: `mbx1/MSExchangeIMAP4BE`. */
  starts: Readonly<Record<string, number>>;
  boots: number;
  /** How often each run of a script began. */
  scripts: Readonly<Record<string, number>>;
  /** Activation of database copies on the server is blocked. */
  blocked: boolean;
  /** The protocol log is on. */
  log: boolean;
  /** The server holds an active database copy. */
  active: boolean;
}

export type Effect = 'changed' | 'already' | 'refused';

const serviceOf = ({ server, arguments: { Name } }: Intent) => `${server}/${Name}`;
/** A reboot starts the services too. */
const startOf = (state: ExchangeState, service: string) => ((state.starts[service] ?? 0) + state.boots + 1) * ONE_START;
const bootOf = (state: ExchangeState) => (state.boots + 1) * ONE_START;

/** What the target compares with the fence; above zero, or true, when it changed since. */
export function since(state: ExchangeState, intent: Intent): number | boolean {
  const { command, fence } = intent;
  if (command === 'Restart-Service') return startOf(state, serviceOf(intent)) - Number(fence.startedAt);
  if (command === 'Restart-Computer') return bootOf(state) - Number(fence.bootedAt);
  if (command === 'Invoke-TargetScript') return state.scripts[fence.run as string] ?? 0;
  if (command === 'Set-MailboxServer') return state.blocked !== fence.activationBlocked;
  return state.log !== fence.enabled;
}

/** The command reaches its target, which compares the fence and then acts, as src/lab/port/cmdlets.ts does. */
export function arrive(state: ExchangeState, intent: Intent): { changes: Partial<ExchangeState>; effect: Effect } {
  const { command, arguments: given } = intent;
  const wanted = given.DatabaseCopyActivationDisabledAndMoveNow ?? given.ProtocolLogEnabled;
  const found = command === 'Set-MailboxServer' ? state.blocked : state.log;
  const moved = since(state, intent);
  if (typeof moved === 'boolean') {
    if (found === wanted) return { changes: {}, effect: 'already' };
    if (moved) return { changes: {}, effect: 'refused' };
  } else if (moved > 0) return { changes: {}, effect: 'already' };
  return { changes: changedBy(state, intent, wanted === true), effect: 'changed' };
}

function changedBy(state: ExchangeState, intent: Intent, wanted: boolean): Partial<ExchangeState> {
  switch (intent.command) {
    case 'Restart-Service': {
      const service = serviceOf(intent);
      return { starts: { ...state.starts, [service]: (state.starts[service] ?? 0) + 1 } };
    }
    case 'Restart-Computer':
      return { boots: state.boots + 1 };
    case 'Invoke-TargetScript': {
      const run = intent.fence.run as string;
      return { scripts: { ...state.scripts, [run]: (state.scripts[run] ?? 0) + 1 } };
    }
    case 'Set-MailboxServer':
      return { blocked: wanted };
    default:
      return { log: wanted };
  }
}

/** How the organisation answers a read: correctly, with a failure, or with a server in an awkward condition. */
export type Condition =
  | 'normal'
  | 'hangs'
  | 'cold'
  | 'disabled'
  | Extract<ExchangeFailure, 'unreachable' | 'accessDenied'>;

/** Made once: an error with its stack takes longer than the rest of an answer. */
const FAILURES = {
  unreachable: new ExchangeError('unreachable', 'unreachable'),
  accessDenied: new ExchangeError('accessDenied', 'accessDenied'),
};

/** `now`: milliseconds, on the clock of the start times. A call that no step makes fails by its name. */
export function exchangeOf(state: ExchangeState, condition: Condition, now: number): Exchange {
  const answer = async <T>(value: T): Promise<Reply<T>> => {
    if (condition === 'unreachable' || condition === 'accessDenied') throw FAILURES[condition];
    return { value, warnings: [] };
  };
  const startType = condition === 'disabled' ? ('Disabled' as const) : ('Automatic' as const);
  const status = condition === 'hangs' ? ('StopPending' as const) : ('Running' as const);
  const row = {
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
  const answers: Partial<Exchange> = {
    service: (server, name) => answer({ name, status, startType, startedAt: startOf(state, `${server}/${name}`) }),
    services: () =>
      answer([
        { name: 'MSExchangeServiceHost', startType: 'Automatic', status: condition === 'cold' ? 'Stopped' : 'Running' },
      ]),
    bootTime: () => answer({ bootedAt: bootOf(state), uptimeSeconds: (now - bootOf(state)) / 1000 }),
    serverHealth: () =>
      answer([{ ...row, alertValue: 'Healthy', isStale: false, lastExecution: Number.MAX_SAFE_INTEGER }]),
    availabilityGroup: (name) => answer({ name, members: [] }),
    mailboxServer: (server) =>
      answer({ server, activationBlocked: state.blocked, autoActivationPolicy: 'Unrestricted' }),
    copiesOn: (server) => answer(state.active ? [{ ...copy, server, status: 'Mounted' }] : []),
    protocolLog: () => answer({ enabled: state.log, location: 'somewhere' }),
    script: (_server, _file, run) => answer(scriptIn(condition, state.scripts[run] !== undefined)),
    componentStates: () => answer([]),
    recoveryActions: () => answer([]),
  };
  return new Proxy(answers as Exchange, {
    get(target, name) {
      const call: unknown = Reflect.get(target, name);
      if (call === undefined) throw new Error(`the proof of playbooks knows no answer to ${String(name)}`);
      return call;
    },
  });
}

function scriptIn(condition: Condition, began: boolean): ScriptState {
  const file = condition === 'disabled' ? 'different' : condition === 'cold' ? 'missing' : 'same';
  if (!began) return { file, run: 'none' };
  if (condition === 'hangs') return { file, run: 'running' };
  return { file, run: condition === 'cold' ? 'interrupted' : condition === 'disabled' ? 'failed' : 'succeeded' };
}

/** The entry of the ledger: outstanding until the undo is done. */
export function ledgerOf({ undo, id, openedAt }: Incident, server: string, setting: string): LedgerEntry | undefined {
  const debt = undo.find((one) => isOutstanding(one) && one.server === server && one.setting === setting);
  return debt && { debt, incident: id, world: 'contoso.com', at: openedAt };
}
