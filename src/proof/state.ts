/** One state of the search: an incident, what its commands have changed, and what has been proved about the server. */
import type { Entry, IncidentEvent } from '../incident/event.ts';
import { apply } from '../incident/fold.ts';
import { type Conclusion, type Incident, type StepRecord, stepInProgress, stepRecord } from '../incident/incident.ts';
import { isGivenUp, type NextSettings } from '../incident/next.ts';
import type { UndoState } from '../incident/undo.ts';
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

/** How much a command disturbs users: a service or a script, the databases of a server, a server. Settings disturb nobody. */
const SEVERITY: Record<string, number> = {
  'Restart-Service': 1,
  'Invoke-TargetScript': 1,
  'Set-MailboxServer': 2,
  'Restart-Computer': 3,
};
/** Commands that may end the problem themselves, so that health must be verified after them. */
const CURES = new Set(['Restart-Service', 'Invoke-TargetScript', 'Restart-Computer']);

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
    steps: 'n' in event.data ? copied(incident.steps, event.data.n) : [...incident.steps],
    undo: incident.undo.map((undo) => ({ ...undo })),
    children: [...incident.children],
    approvals: [...incident.approvals],
  };
  apply(copy, entryOf(event));
  return copy;
}

/** An event changes the record of its own step at most, and a playbook may have many steps. */
function copied(steps: readonly StepRecord[], n: number | undefined): StepRecord[] {
  const own = steps.findIndex(({ step }) => step.n === n);
  return own === -1 ? [...steps] : steps.with(own, { ...steps[own]! });
}

/** Every entry is written at 0: the search has no clock. */
export function entryOf({ type, data }: IncidentEvent, seq = 0): Entry {
  return { seq, at: 0, worker: 'proof', version: 1, type, data, previous: '' };
}

/** The same text for states between which neither `next` nor the shell nor a rule can tell a difference. */
export function keyOf({ incident, exchange, seen, mayCancel }: State, settings: NextSettings): string {
  const { blocked, log, active } = exchange;
  const conclusion = incident.conclusion ?? (isGivenUp(incident, settings) ? GIVEN_UP : undefined);
  // Only a step reads where the databases are.
  const isPlaced = conclusion === undefined || stepInProgress(incident) !== undefined;
  return JSON.stringify([
    incidentKey(incident, exchange, conclusion),
    [blocked, log, active && isPlaced, mayCancel && !incident.conclusion].map(Number),
    conclusion && !mayTurn(conclusion)
      ? 0
      : [Number(seen.healthy), Number(seen.noActiveCopies && !conclusion), seen.unverified],
  ]);
}

/** Once nothing can be determined, the way to it makes no difference: undo actions follow, then the end. */
const GIVEN_UP: Conclusion = { outcome: 'escalated', reason: '' };

/** Whether health still decides about the outcome, or is claimed by it. */
const mayTurn = ({ outcome, exhausted }: Conclusion) =>
  outcome === 'recovered' || outcome === 'transient' || exhausted === true;

const OVER: ReadonlySet<string> = new Set(['done', 'skipped', 'failed', 'refused']);
export const isOver = ({ state }: StepRecord) => OVER.has(state);

export function incidentKey(
  incident: Incident,
  exchange: ExchangeState,
  conclusion: Conclusion | undefined = incident.conclusion,
): unknown {
  const { undo, finished, slept, afterUndo, changed } = incident;
  if (finished) return [finished.outcome, undoKey(undo, exchange)];
  return [
    conclusion ? endingKey(incident, conclusion) : runningKey(incident),
    stepsKey(incident, exchange, conclusion !== undefined),
    slept && [slept.for, slept.n, slept.undo],
    undoKey(undo, exchange),
    afterUndo?.look,
    changed,
  ];
}

/**
 * Undo actions that may still run, in order, and the settings of those that failed or wait for one that failed: it makes
 * no difference which step they belong to. The others are settled and nothing refers to them any more.
 */
function undoKey(undo: readonly UndoState[], exchange: ExchangeState): unknown {
  const failed = new Set(undo.flatMap(({ id, state }) => (state === 'failed' ? [id] : [])));
  const isStuck = ({ state, dependsOn }: UndoState) =>
    state === 'failed' || (state === 'owed' && dependsOn !== undefined && failed.has(dependsOn));
  const live = undo.filter((one) => !isStuck(one) && one.state !== 'putBack' && one.state !== 'notNeeded');
  const stuck = new Set(undo.filter(isStuck).map(({ setting, state }) => `${setting} ${state}`));
  return [
    live.map(({ id, state, tries, intent }) => [
      id,
      state,
      tries,
      state === 'started' && intent && since(exchange, intent),
    ]),
    [...stuck].sort(),
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

/** Steps run in order, so where the plan is and what is unusual about a step says all: the same size for any length. */
function stepsKey({ steps }: Incident, exchange: ExchangeState, isEnding: boolean): unknown {
  const matters = isEnding ? ({ state }: StepRecord) => state === 'started' : isTouched;
  return [isEnding ? 0 : steps.findLastIndex(isOver), steps.filter(matters).map((record) => stepKey(record, exchange))];
}

const isTouched = (record: StepRecord) =>
  !isOver(record) && (record.state !== 'pending' || record.inconclusiveTries + record.unhealthyTries > 0);

function stepKey(record: StepRecord, exchange: ExchangeState): unknown {
  const { state, inconclusiveTries, unhealthyTries, child, intent, step } = record;
  const moved = state === 'started' && intent && since(exchange, intent);
  return [step.n, state, inconclusiveTries, unhealthyTries, child, moved];
}
