/** One state of the search: an incident, what its commands have changed, and what has been proved about the server. */
import type { Entry, IncidentEvent } from '../incident/event.ts';
import { apply } from '../incident/fold.ts';
import { type Conclusion, type Incident, type StepRecord, stepInProgress, stepRecord } from '../incident/incident.ts';
import { stepNamed } from '../steps/index.ts';
import { type ExchangeState, since } from './exchange-state.ts';

export interface State {
  incident: Incident;
  exchange: ExchangeState;
  /** What was on before anything was done. */
  found: Found;
  seen: Seen;
  /** A person may still cancel. */
  mayCancel: boolean;
}

export type Found = Readonly<Record<'activation' | 'imap-protocol-log', boolean>>;

/** What the journal proves at this point. */
export interface Seen {
  /** Healthy after our last change. */
  healthy: boolean;
  /** No database copy is active on the server, and none can become active. */
  noActiveCopies: boolean;
  /** Severity of the restarts since the last conclusive verification; 0: none. */
  unverified: number;
}

export const NOTHING_SEEN: Seen = { healthy: false, noActiveCopies: false, unverified: 0 };

/** How much a command disturbs users: a service, the databases of a server, a server. Settings disturb nobody. */
const SEVERITY: Record<string, number> = { 'Restart-Service': 1, 'Set-MailboxServer': 2, 'Restart-Computer': 3 };
/** Commands that may end the problem themselves, so that health must be verified after them. */
const CURES = new Set(['Restart-Service', 'Restart-Computer']);

export const severityOf = (command: string): number => SEVERITY[command] ?? 0;

export function seenAfter(seen: Seen, event: IncidentEvent, incident: Incident): Seen {
  if (event.type === 'verified') return verifiedAs(seen, event.data.verdict);
  if (event.type === 'stepFinished') {
    const { n, state, looked, changed } = event.data;
    const { step, intent } = stepRecord(incident, n);
    const proven = state === 'done' && stepNamed(step.step).proves === 'no-active-copies';
    const now = { ...seen, ...(proven && { noActiveCopies: true }) };
    if (looked) return verifiedAs(now, looked.verdict);
    if (!changed || !intent) return now;
    const unverified = CURES.has(intent.command)
      ? Math.max(now.unverified, severityOf(intent.command))
      : now.unverified;
    return { healthy: false, noActiveCopies: now.noActiveCopies && !allowsActivation(intent), unverified };
  }
  if (event.type !== 'undone' || event.data.state !== 'putBack') return seen;
  const undo = incident.undo.find(({ id }) => id === event.data.undo);
  return { ...seen, healthy: seen.healthy && undo?.after === undefined, noActiveCopies: false };
}

function verifiedAs(seen: Seen, verdict: 'cleared' | 'confirmed' | 'inconclusive'): Seen {
  return { ...seen, healthy: verdict === 'cleared', unverified: verdict === 'inconclusive' ? seen.unverified : 0 };
}

const allowsActivation = ({ arguments: given }: { arguments: Record<string, unknown> }) =>
  given.DatabaseCopyActivationDisabledAndMoveNow === false;

/** The real fold, on a copy: states share what did not change. */
export function applied(incident: Incident, event: IncidentEvent): Incident {
  const copy: Incident = {
    ...incident,
    alerts: [],
    runs: incident.runs.map((run) => ({ ...run })),
    steps: incident.steps.map((record) => ({ ...record })),
    undo: incident.undo.map((undo) => ({ ...undo })),
    children: [...incident.children],
    approvals: [...incident.approvals],
  };
  apply(copy, entryOf(event));
  return copy;
}

/** Every entry is written at 0: the search has no clock. */
export function entryOf({ type, data }: IncidentEvent, seq = 0): Entry {
  return { seq, at: 0, worker: 'proof', version: 1, type, data, previous: '' };
}

/** The same text for states between which neither `next` nor the shell nor a rule can tell a difference. */
export function keyOf({ incident, exchange, seen, mayCancel }: State): string {
  const { blocked, log, active } = exchange;
  const isEnding = incident.conclusion !== undefined;
  return JSON.stringify([
    incidentKey(incident, exchange),
    [blocked, log, active, mayCancel && !isEnding].map(Number),
    [Number(seen.healthy), Number(seen.noActiveCopies && !isEnding), seen.unverified],
  ]);
}

export const OVER: ReadonlySet<string> = new Set(['done', 'skipped', 'failed', 'refused']);

export function incidentKey(incident: Incident, exchange: ExchangeState): unknown {
  const { undo, conclusion, finished, slept, afterUndo, changed } = incident;
  if (finished) return [finished.outcome, undo.map(({ id, state }) => [id, state])];
  return [
    conclusion ? endingKey(incident, conclusion) : runningKey(incident),
    incident.steps.map((record) => stepKey(record, exchange, conclusion !== undefined)),
    slept && [slept.for, slept.n, slept.undo],
    undo.map(({ id, state, tries, intent }) => [
      id,
      state,
      state === 'owed' || state === 'started' ? tries : 0,
      state === 'started' && intent && since(exchange, intent),
    ]),
    afterUndo?.look,
    changed,
  ];
}

function runningKey(incident: Incident): unknown {
  const { verified, runs, held } = incident;
  const run = runs.at(-1);
  // The monitors matter when a playbook is chosen; the purpose matters when nothing was seen or all is healthy.
  const chooses = !run || run.healed;
  const isPlain = verified?.verdict === 'confirmed' && run?.healed === false;
  return [
    verified && [
      verified.verdict,
      isPlain ? 0 : verified.purpose,
      verified.hopeless,
      chooses ? verified.monitors.map((one) => `${one.monitor}${one.verdict}`) : 0,
    ],
    incident.inconclusiveTries,
    incident.verifyFirst,
    incident.verifiedForNews !== undefined,
    incident.backEnd,
    runs.map(({ playbook, healed }) => [playbook, healed]),
    held && [held.guard, held.n, held.approval],
    incident.approvals.map(({ reason, n }) => [reason, n]),
  ];
}

/** No further step begins, so what only decides about the next one does not matter any more. */
function endingKey(incident: Incident, { outcome, exhausted }: Conclusion): unknown {
  const { verified, inconclusiveTries, backEnd, held } = incident;
  const mayRecover = outcome === 'recovered' || exhausted;
  return [
    outcome,
    exhausted,
    mayRecover && verified && [verified.verdict, verified.purpose, verified.hopeless, inconclusiveTries],
    stepInProgress(incident) && backEnd,
    held?.guard,
  ];
}

function stepKey(record: StepRecord, exchange: ExchangeState, isEnding: boolean): unknown {
  const { state, inconclusiveTries, unhealthyTries, child, intent } = record;
  if (OVER.has(state) || (isEnding && state !== 'started')) return 0;
  if (state === 'pending' && inconclusiveTries + unhealthyTries === 0) return 1;
  return [state, inconclusiveTries, unhealthyTries, child, state === 'started' && intent && since(exchange, intent)];
}
