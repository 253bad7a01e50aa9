import type { Alert, Instant } from './alert.ts';
import type { Held, Slept, StepFinished, StepState } from './event.ts';
import type { MonitorRef, OurChange, ServerFacts, VerifyResult } from './health.ts';
import type { Intent } from './intent.ts';
import type { Outcome } from './outcome.ts';
import type { Mode, PlannedStep } from './plan.ts';
import type { Restricted } from './restrictions.ts';
import type { UndoState } from './undo.ts';

/** The state of an incident, folded from its journal. */
export interface Incident {
  id: string;
  server: string;
  family: string;
  /** The owner of claims, slots and throttles: itself, or the incident at the top of its family tree. */
  root: string;
  parent?: { incident: string; n: number };
  /** The incident that opened this one. A parent may also have joined later. */
  openedBy?: string;
  openedAt: Instant;
  /** The organisation it was opened in, if the first entry names it. */
  openedIn?: string;
  /** The first and the last alerts; see kept-alerts.ts. */
  alerts: Alert[];
  /** Number of alerts in the journal. */
  alertCount: number;
  /** Further alerts, counted by the store and not part of the journal. */
  counted?: CountedAlerts;
  facts?: ServerFacts;

  /** The last verification of the whole family, and its purpose. */
  verified?: VerifyResult & { at: Instant; purpose: string };
  /** Number of consecutive inconclusive verifications. */
  inconclusiveTries: number;
  /** When a verification last confirmed the problem. */
  seenUnhealthyAt?: Instant;
  /** The unhealthy back end that a probe named last. */
  backEnd?: string;
  /** There is news (`resolved`, an approval): verify before the next change. */
  verifyFirst: boolean;
  /** The last verification caused by news since the last change: its duration (ms) and end. */
  verifiedForNews?: { took: number; at: Instant };

  /** The playbooks run so far; the last is the current one. */
  runs: Run[];
  steps: StepRecord[];
  /** The pending "wait" of a guard. */
  held?: Held & { at: Instant };
  /** The current sleep. */
  slept?: Slept;
  approvals: Approval[];
  children: string[];
  /** A person requested this incident; there was no alert. */
  asked?: { what: 'putBack' | 'settle'; by: string; note?: string };

  undo: UndoState[];
  /** Undo actions have run since the last verification: verify again, how, and counted from when. */
  afterUndo?: { look: 'recheck' | 'watch'; since: Instant };

  /** Our last change. Rows evaluated before its end are outdated. */
  change?: OurChange;
  /** Whether a command of ours changed anything. */
  changed: boolean;

  /** Set once the outcome is decided; undo actions run after that. */
  conclusion?: Conclusion;
  finished?: { outcome: Outcome; reason: string; left: string[]; owed: string[]; at: Instant };
}

/** Who approved what. `reason`: that of the wait which it ended; `n`: the step whose own question it answers. */
export interface Approval {
  by: string;
  identity?: string;
  at: Instant;
  reason: string;
  n?: number;
}

/** Alerts that arrived after the limit of kept ones: their number and the latest. */
export interface CountedAlerts {
  alerts: number;
  newest: Alert;
}

export interface Run {
  playbook: string;
  hash: string;
  mode: Mode;
  /** The most careful restriction on its server when it began. */
  restricted?: Restricted;
  handles: MonitorRef[];
  plan: PlannedStep[];
  /** A verification found its monitors healthy. */
  healed: boolean;
}

export interface StepRecord {
  step: PlannedStep;
  state: StepState;
  startedAt?: Instant;
  finishedAt?: Instant;
  note: Record<string, unknown>;
  intent?: Intent;
  /** The group of the server acted on. */
  group?: string;
  /** Inconclusive and unhealthy verifications by this step. */
  inconclusiveTries: number;
  unhealthyTries: number;
  child?: string;
  end?: StepFinished;
}

/** `exhausted`: every step is done and the problem persists; a verification after the undo may still find it gone. */
export interface Conclusion {
  outcome: Outcome;
  reason: string;
  exhausted?: boolean;
}

/** Whether enough people have approved a wait with one of these reasons. */
export function isApproved(incident: Incident, reasons: readonly string[], approvers = 1): boolean {
  return (
    peopleIn(incident.approvals.filter(({ reason, n }) => reasons.includes(reason) && n === undefined)) >= approvers
  );
}

/** The approvals of one wait: a step's question is answered for that step only, a guard's for the whole incident. */
export function approvalsOf(
  { approvals }: Incident,
  { reason, n, role }: Pick<Held, 'reason' | 'n' | 'role'>,
): Approval[] {
  return approvals.filter((one) => (role ? one.n === n : one.n === undefined && one.reason === reason));
}

export const peopleIn = (approvals: readonly Approval[]) => new Set(approvals.map(approverOf)).size;

/** Whether the time for an approval has passed. Checked at every use, because a worker may record it late. */
export function isExpired({ until }: Pick<Held, 'until'>, at: Instant): boolean {
  return until !== undefined && until <= at;
}

/** Two names on one token count as one person. */
export const approverOf = ({ by, identity }: { by: string; identity?: string }) => (identity ?? by).toLowerCase();

/**
 * Everything that could be verified is and was healthy, but alerts report something that could not be verified. If
 * something was unhealthy and has recovered, that is assumed to be what they reported.
 */
export function isUnverified({ conclusion, verified }: Incident): boolean {
  return conclusion?.outcome === 'transient' && verified?.verdict === 'cleared' && verified.unverified !== undefined;
}

export function currentRun(incident: Incident): Run | undefined {
  return incident.runs.at(-1);
}

/** The step that was started and has not ended. */
export function stepInProgress(incident: Incident): StepRecord | undefined {
  return incident.steps.find((record) => record.state === 'started');
}

export function stepRecord(incident: Incident, n: number): StepRecord {
  const record = incident.steps.find((candidate) => candidate.step.n === n);
  if (!record) throw new Error(`incident ${incident.id} has no step ${n}`);
  return record;
}
