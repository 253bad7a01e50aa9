import type { Alert, Instant } from './alert.ts';
import { checklistOf } from './checklist.ts';
import type { AskedRole, Held, Preview, StepState } from './event.ts';
import type { Evidence, MonitorVerdict, Verdict } from './health.ts';
import { approvalsOf, currentRun, type Incident, stepInProgress } from './incident.ts';
import type { Outcome } from './outcome.ts';
import { isOutstanding } from './undo.ts';

export type Phase = 'verifying' | 'waiting' | 'approving' | 'acting' | 'rechecking' | 'undoing' | 'finished';

export const PHASES: readonly Phase[] = [
  'verifying',
  'waiting',
  'approving',
  'acting',
  'rechecking',
  'undoing',
  'finished',
];

/** What users see of an incident: derived from its fold, never stored separately. */
export interface IncidentView {
  id: string;
  server: string;
  /** The alerted health set, else the family. */
  healthSet: string;
  family: string;
  monitors: MonitorVerdict[];
  state: 'open' | 'finished';
  phase: Phase;
  outcome?: Outcome;
  reason?: string;
  openedAt: Instant;
  finishedAt?: Instant;
  /** The first and the last; others are only counted. */
  alerts: Alert[];
  /** Number of alerts in all. */
  alertCount: number;
  verdict?: Verdict;
  evidence: Evidence[];
  playbook?: { name: string; hash: string };
  steps: {
    n: number;
    step: string;
    says: string;
    state: StepState;
    startedAt?: Instant;
    finishedAt?: Instant;
    /** Facts recorded before the step began; plain data specific to the step. */
    noted?: Record<string, unknown>;
    result?: { says: string; [key: string]: unknown };
  }[];
  waiting?: { for: string; reason: string; until?: Instant };
  /** The pending approval, and who has approved so far. `role`: a step asks, and who may approve. */
  approval?: { preview?: Preview; approvers: number; approvedBy: string[]; role?: AskedRole };
  /** Outstanding undo actions. */
  owed: string[];
  /** Changes left in place on purpose. */
  left: string[];
  /** What a person must do by hand. */
  checklist: string[];
  parent?: string;
  children: string[];
  /** The person and the request that opened this incident, if no alert did. */
  asked?: { what: 'putBack' | 'settle'; by: string; note?: string };
}

export function view(incident: Incident): IncidentView {
  const run = currentRun(incident);
  const waiting = waitingFor(incident);
  const { finished } = incident;
  return {
    id: incident.id,
    server: incident.server,
    healthSet: incident.alerts[0]?.healthSet ?? incident.family,
    family: incident.family,
    monitors: incident.verified?.monitors ?? [],
    state: finished ? 'finished' : 'open',
    phase: phaseOf(incident),
    ...(finished && { outcome: finished.outcome, reason: finished.reason, finishedAt: finished.at }),
    ...(!finished && incident.conclusion && { reason: incident.conclusion.reason }),
    openedAt: incident.openedAt,
    alerts: incident.counted ? [...incident.alerts, incident.counted.newest] : incident.alerts,
    alertCount: incident.alertCount + (incident.counted?.alerts ?? 0),
    ...(incident.verified && { verdict: incident.verified.verdict }),
    evidence: incident.verified?.evidence ?? [],
    ...(run && { playbook: { name: run.playbook, hash: run.hash } }),
    steps: incident.steps.map((record) => ({
      n: record.step.n,
      step: record.step.step,
      says: record.step.says,
      state: record.state,
      ...(record.startedAt !== undefined && { startedAt: record.startedAt }),
      ...(record.finishedAt !== undefined && { finishedAt: record.finishedAt }),
      ...(Object.keys(record.note).length > 0 && { noted: record.note }),
      ...(record.end && {
        result: {
          says: record.end.says,
          ...(record.end.health && { health: record.end.health }),
          ...record.end.result,
        },
      }),
    })),
    ...(waiting && { waiting }),
    ...(incident.held?.approval && !finished && { approval: approvalOf(incident, incident.held) }),
    owed: finished ? finished.owed : incident.undo.filter(isOutstanding).map((undo) => undo.says),
    left: finished?.left ?? [],
    checklist: checklistOf(incident),
    ...(incident.parent && { parent: incident.parent.incident }),
    children: incident.children,
    ...(incident.asked && { asked: incident.asked }),
  };
}

function waitingFor(incident: Incident): IncidentView['waiting'] {
  if (incident.finished) return undefined;
  if (incident.held) {
    const { guard, reason, says, until } = incident.held;
    return { for: guard, reason: says || reason, ...(until !== undefined && { until }) };
  }
  if (incident.slept) return { for: incident.slept.for, reason: incident.slept.says, until: incident.slept.until };
  return undefined;
}

function approvalOf(incident: Incident, held: Held): NonNullable<IncidentView['approval']> {
  const { approvers = 1, preview, role } = held;
  const approvedBy = approvalsOf(incident, held).map(({ by }) => by);
  return { ...(preview && { preview }), approvers, approvedBy, ...(role && { role }) };
}

function phaseOf(incident: Incident): Phase {
  if (incident.finished) return 'finished';
  if (incident.conclusion) return 'undoing';
  if (incident.held) return incident.held.approval ? 'approving' : 'waiting';
  const inProgress = stepInProgress(incident);
  if (inProgress) {
    if (inProgress.step.changes) return 'acting';
    return inProgress.step.verifies ? 'rechecking' : 'waiting';
  }
  if (incident.slept) return 'waiting';
  return incident.runs.length === 0 ? 'verifying' : 'acting';
}
