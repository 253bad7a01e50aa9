import type { Incident, StepRecord } from '../../../src/incident/incident.ts';
import type { Intent } from '../../../src/incident/intent.ts';
import type { UndoState } from '../../../src/incident/undo.ts';
import type { Exchange } from '../../../src/ports/exchange.ts';
import type { LedgerEntry } from '../../../src/ports/store.ts';
import { stepNamed } from '../../../src/steps/index.ts';
import type { Options, StepContext, UndoContext } from '../../../src/steps/step.ts';
import type { VerifiedMonitors, Verifier } from '../../../src/verification/verify.ts';
import { facts, MINUTE, NINE, reply, stubExchange } from '../../support/stub.ts';

export interface Given {
  server?: string;
  exchange?: Partial<Exchange>;
  incident?: Partial<Incident>;
  record?: Partial<StepRecord>;
  options?: Options;
  now?: number;
  /** The ledger: which incident must restore which setting of the server. */
  ledger?: Record<string, LedgerEntry>;
  /** The verifier's result for the handled monitors. */
  sees?: VerifiedMonitors;
  openChild?: StepContext['openChild'];
  outcomeOf?: StepContext['outcomeOf'];
}

const SETTINGS = { retries: 2, retryEvery: MINUTE, commandTimeLimit: 300_000 };

const unexpected = (what: string) => async () => {
  throw new Error(`${what} was not expected`);
};

/** A step of an incident on mbx1 at nine o'clock, with its options as a playbook would have them. */
export function stepContext(name: string, given: Given = {}): StepContext {
  const { server = 'mbx1', now = NINE } = given;
  const step = stepNamed(name);
  const options = step.options.parse(given.options ?? {}) as Options;
  const planned = { n: 3, step: name, options, changes: step.changes, says: step.says(options) };
  const record: StepRecord = {
    step: planned,
    state: 'pending',
    note: {},
    startedAt: NINE,
    inconclusiveTries: 0,
    unhealthyTries: 0,
    ...given.record,
  };
  const own = facts(server, server.startsWith('mbx') && server !== 'mbx9' ? { dag: 'dag1' } : {});
  const incident: Incident = {
    id: 'i',
    server,
    family: 'IMAP',
    root: 'i',
    openedAt: NINE,
    alerts: [],
    alertCount: 0,
    facts: own,
    inconclusiveTries: 0,
    verifyFirst: false,
    runs: [{ playbook: 'p', hash: 'h', mode: 'auto', handles: [], plan: [planned], healed: false }],
    steps: [record],
    children: [],
    approvals: [],
    undo: [],
    changed: false,
    ...given.incident,
  };
  const verifier: Verifier = {
    family: unexpected('a look at the family'),
    healthSet: unexpected('a look at a health set'),
    monitors: async () => given.sees ?? unexpected('a look at monitors')(),
  };
  return {
    incident,
    record,
    facts: own,
    exchange: stubExchange({
      // Facts collected before a restart.
      recoveryActions: async () => reply([]),
      services: async () => reply([]),
      ...given.exchange,
    }),
    verifier,
    clock: { now: () => now, speed: 1, epoch: 'contoso.com' },
    settings: SETTINGS,
    change: () => ({ notAfter: now + 30_000, caller: 'i step 3', scope: [] }),
    ledgerOf: async (on, setting) => given.ledger?.[`${on}/${setting}`],
    openChild: given.openChild ?? unexpected('a child'),
    outcomeOf: given.outcomeOf ?? unexpected('an outcome'),
    notify: unexpected('a notice'),
    signal: new AbortController().signal,
  };
}

export function beginning(name: string, given: Given = {}) {
  return stepNamed(name).begin(stepContext(name, given));
}

/** The result of a poll of a step whose command was recorded as `intent`. */
export function looking(name: string, given: Given = {}, issued = false) {
  return stepNamed(name).poll(stepContext(name, given), issued);
}

export function undoContext(debt: Partial<UndoState>, given: Given = {}): UndoContext {
  const { incident, exchange, clock, settings, change, signal } = stepContext('recheck', given);
  const owed: UndoState = {
    id: '3:x',
    kind: 'activation',
    server: 'mbx1',
    setting: 'activation',
    when: 'always',
    value: {},
    says: 'x is changed',
    state: 'owed',
    at: NINE,
    tries: 0,
    ...debt,
  };
  return { incident, exchange, clock, settings, change, signal, undo: owed };
}

export const intentOf = (
  command: string,
  fence: Record<string, unknown>,
  args: Record<string, unknown> = {},
  server = 'mbx1',
): Intent => ({ command, server, arguments: args, fence });

export const owedBy = (incident: string, setting: string, value: Record<string, unknown>): LedgerEntry => ({
  incident,
  world: 'contoso.com',
  at: NINE - 60 * MINUTE,
  debt: { id: '1:x', kind: setting, server: 'mbx1', setting, when: 'recovered', value, says: 's' },
});
