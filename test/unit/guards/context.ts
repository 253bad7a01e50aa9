import type { GuardContext, GuardSettings } from '../../../src/guards/guard.ts';
import type { Incident, Run } from '../../../src/incident/incident.ts';
import type { PlannedStep } from '../../../src/incident/plan.ts';
import type { Action, PlannedChange } from '../../../src/incident/planned-change.ts';
import type { Exchange } from '../../../src/ports/exchange.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';
import { facts, HOUR, MINUTE, NINE, stubExchange } from '../../support/stub.ts';

const SETTINGS: GuardSettings = {
  mode: 'auto',
  restrictions: [],
  evidenceMaxAge: 5 * MINUTE,
  approvalExpiry: 4 * HOUR,
  approvers: 1,
  trustRuns: 3,
  maintenance: [],
  commonCause: { share: 0.2, servers: 20, within: 10 * MINUTE },
  self: ['admin1'],
  throttles: {
    'restart-service': { minutesBetween: 60, perHour: -1, perDay: 1, groupMinutesBetween: -1, groupPerDay: 4 },
    'restart-server': { minutesBetween: 720, perHour: -1, perDay: 1, groupMinutesBetween: 600, groupPerDay: 1 },
  },
};

const catalog = loadCatalog('config/health-sets.yaml');

const notExpected = () => {
  throw new Error('nothing was expected to be verified');
};
const unexpected = { family: notExpected, monitors: notExpected, healthSet: notExpected };

const SERVERS = [
  facts('mbx1', { dag: 'dag1' }),
  facts('mbx2', { dag: 'dag1' }),
  facts('mbx3', { dag: 'dag1' }),
  facts('mbx4', { dag: 'dag1', site: 'Osaka' }),
  facts('cas1'),
  facts('ex1', { dag: 'dag2' }),
];

const step: PlannedStep = { n: 1, step: 's', options: {}, changes: true, says: 'Restart-Service MSExchangeIMAP4BE' };

const RUN: Run = {
  playbook: 'imap-protocol',
  hash: 'h',
  mode: 'auto',
  handles: [],
  plan: [step, { ...step, n: 2, says: 'Restart-Computer' }],
  healed: false,
};

const INCIDENT: Incident = {
  id: 'i',
  server: 'mbx1',
  family: 'IMAP',
  root: 'i',
  openedAt: NINE,
  alerts: [],
  alertCount: 0,
  inconclusiveTries: 0,
  verifyFirst: false,
  seenUnhealthyAt: NINE,
  runs: [RUN],
  steps: [],
  children: [],
  approvals: [],
  undo: [],
  changed: false,
};

export function changeTo(action: Action, fence: Record<string, unknown> = {}, resource?: string): PlannedChange {
  return {
    action,
    intent: { command: 'c', server: 'mbx1', arguments: {}, fence },
    ...(resource && { resource }),
  };
}

/** A context in which every guard allows acting on mbx1 at nine; a case changes what it tests. */
export function context(
  more: Partial<Omit<GuardContext, 'incident' | 'run' | 'settings' | 'exchange' | 'store' | 'verifier'>> & {
    store?: Partial<GuardContext['store']>;
    verifier?: Partial<GuardContext['verifier']>;
    incident?: Partial<Incident>;
    run?: Partial<Run>;
    settings?: Partial<GuardSettings>;
    exchange?: Partial<Exchange>;
    now?: number;
    on?: string;
  } = {},
): GuardContext {
  const { incident, run, settings, exchange, store, verifier, now = NINE, on = 'mbx1', ...rest } = more;
  const target = SERVERS.find(({ server }) => server === on);
  if (!target) throw new Error(`no server ${on}`);
  return {
    incident: { ...INCIDENT, ...incident },
    run: { ...RUN, ...run },
    change: changeTo('restart-service'),
    target,
    organisation: { id: 'contoso.com', servers: SERVERS },
    exchange: stubExchange(exchange ?? {}),
    catalog,
    store: { openOn: async () => [], troubled: async () => [], runs: async () => ({ runs: [] }), ...store },
    verifier: { ...unexpected, ...verifier },
    clock: { now: () => now, speed: 1, epoch: 'contoso.com' },
    settings: { ...SETTINGS, ...settings },
    scope: [{ playbook: 'imap-protocol' }, { server: 'mbx1' }, { group: 'dag1' }],
    killSwitches: [],
    refusal: undefined,
    startedByUs: async () => false,
    justVerified: false,
    signal: new AbortController().signal,
    ...rest,
  };
}
