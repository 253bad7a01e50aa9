import type { Alert, Instant } from './alert.ts';
import type { Evidence, MonitorVerdict, Verdict } from './health.ts';
import type { Outcome } from './outcome.ts';

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

export type StepState = 'pending' | 'started' | 'done' | 'skipped' | 'refused' | 'notSent' | 'failed';

/** What the outside sees of an incident: a view of the fold of its journal, never a second record. */
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
  alerts: Alert[];
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
    result?: { says: string; [key: string]: unknown };
  }[];
  waiting?: { for: string; reason: string; until?: Instant };
  /** Undo still due. */
  owed: string[];
  /** What stays changed on purpose. */
  left: string[];
  parent?: string;
  children: string[];
}
