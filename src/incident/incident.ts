import type { Alert, Instant } from './alert.ts';
import type { Held, Slept, StepFinished, StepState } from './event.ts';
import type { MonitorRef, OurChange, ServerFacts, VerifyResult } from './health.ts';
import type { Intent } from './intent.ts';
import type { Outcome } from './outcome.ts';
import type { Mode, PlannedStep } from './plan.ts';
import type { UndoState } from './undo.ts';

/** What is known of an incident: the fold of its journal. */
export interface Incident {
  id: string;
  server: string;
  family: string;
  /** The owner of claims, slots and throttles: itself, or the incident at the top of its family tree. */
  root: string;
  parent?: { incident: string; n: number };
  /** The incident that opened this one; unlike a parent that joined it later. */
  openedBy?: string;
  openedAt: Instant;
  /** The organisation that it was opened in, where its first entry says so. */
  openedIn?: string;
  /** The first and the last alerts; see kept-alerts.ts. */
  alerts: Alert[];
  /** How many alerts its journal holds. */
  alertCount: number;
  /** Alerts beside those in the journal. Not of the journal: the store counts them. */
  counted?: CountedAlerts;
  facts?: ServerFacts;

  /** The last look at the whole family, and why it was taken. */
  verified?: VerifyResult & { at: Instant; purpose: string };
  /** Looks in a row that saw nothing. */
  inconclusiveTries: number;
  /** When trouble was last seen with our own eyes. */
  seenUnhealthyAt?: Instant;
  /** The sick back end that a probe named last. */
  backEnd?: string;
  /** There is news (`resolved`, an approval): look before the next change. */
  verifyFirst: boolean;
  /** The last look that news asked for since the last change: how long it took, and when it was over. */
  verifiedForNews?: { took: number; at: Instant };

  /** The playbooks run so far; the last is the current one. */
  runs: Run[];
  steps: StepRecord[];
  /** A guard's standing "wait". */
  held?: Held & { at: Instant };
  /** A standing sleep. */
  slept?: Slept;
  /** Who approved what: `reason` is that of the wait which it ended. */
  approvals: { by: string; identity?: string; at: Instant; reason: string }[];
  children: string[];
  /** A person asked for what it does: there was no alert. */
  asked?: { what: 'putBack' | 'settle'; by: string; note?: string };

  undo: UndoState[];
  /** Undos have been put back since the last look: health is looked at once more, and from when. */
  afterUndo?: { look: 'recheck' | 'watch'; since: Instant };

  /** Our last change: rows evaluated before its end are old news. */
  change?: OurChange;
  /** Whether a command of ours changed anything. */
  changed: boolean;

  /** Set once it is settled how this ends; the undo comes after. */
  conclusion?: Conclusion;
  finished?: { outcome: Outcome; reason: string; left: string[]; owed: string[]; at: Instant };
}

/** Alerts that came when there was no room for more: how many, and the last of them. */
export interface CountedAlerts {
  alerts: number;
  newest: Alert;
}

export interface Run {
  playbook: string;
  hash: string;
  mode: Mode;
  handles: MonitorRef[];
  plan: PlannedStep[];
  /** A look has seen its monitors healthy. */
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
  /** Looks of this step that saw nothing, and that saw trouble. */
  inconclusiveTries: number;
  unhealthyTries: number;
  child?: string;
  end?: StepFinished;
}

/** `exhausted`: every step is done and the trouble still there; a look after the undo may still find it gone. */
export interface Conclusion {
  outcome: Outcome;
  reason: string;
  exhausted?: boolean;
}

/** Whether enough people have approved what one of these reasons waits for. */
export function isApproved(incident: Incident, reasons: readonly string[], approvers = 1): boolean {
  const people = incident.approvals.filter(({ reason }) => reasons.includes(reason)).map(whoApproved);
  return new Set(people).size >= approvers;
}

/** Whether a wait for an approval is over without one. Decided wherever it matters: a worker may not be there in time. */
export function isExpired({ until }: Pick<Held, 'until'>, at: Instant): boolean {
  return until !== undefined && until <= at;
}

/** Two names on one token are one person. */
export const whoApproved = ({ by, identity }: { by: string; identity?: string }) => (identity ?? by).toLowerCase();

/**
 * Nothing that could be looked at is unhealthy, nor was it, but alerts report something that no look could see. What was
 * unhealthy and has recovered is taken for what they report.
 */
export function isUnverified({ conclusion, verified }: Incident): boolean {
  return conclusion?.outcome === 'transient' && verified?.verdict === 'cleared' && verified.unverified !== undefined;
}

export function currentRun(incident: Incident): Run | undefined {
  return incident.runs.at(-1);
}

/** The step that was started and has no end yet. */
export function stepInHand(incident: Incident): StepRecord | undefined {
  return incident.steps.find((record) => record.state === 'started');
}

export function stepRecord(incident: Incident, n: number): StepRecord {
  const record = incident.steps.find((candidate) => candidate.step.n === n);
  if (!record) throw new Error(`incident ${incident.id} has no step ${n}`);
  return record;
}
