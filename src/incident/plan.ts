import type { MonitorRef, Role } from './health.ts';

export type Mode = 'observe' | 'approve' | 'auto';

/** Modes from the most careful to the boldest. */
export const MODES: readonly Mode[] = ['observe', 'approve', 'auto'];

/** The more careful of two modes: `safety.mode` is the ceiling of every playbook's. */
export function ceiling(a: Mode, b: Mode): Mode {
  return MODES.indexOf(a) <= MODES.indexOf(b) ? a : b;
}

/** A mode, so many steps more careful. */
export function demote(mode: Mode, by: number): Mode {
  return MODES[Math.max(0, MODES.indexOf(mode) - by)] as Mode;
}

/** When a step applies. A closed set, all parts of which must hold; not an expression language. */
export interface Condition {
  role?: Role;
  /** Has (or has not) a database availability group. */
  dag?: boolean;
  /** Exchange's version by its year: 2013, 2016, 2019. */
  version?: number[];
  /** A health set's state on the server, looked at when the step is reached. */
  healthy?: string;
  unhealthy?: string;
}

/** A step as its playbook wrote it, with its options checked and filled. */
export interface StepSpec {
  step: string;
  options: Record<string, unknown>;
  when?: Condition;
}

/** A playbook, checked. */
export interface Playbook {
  name: string;
  summary: string;
  page?: string;
  handles: MonitorRef[];
  mode: Mode;
  steps: StepSpec[];
  /** SHA-256 (first 12 hex digits) of its meaning: comments and layout don't count. */
  hash: string;
  /** Where it was read from. */
  file: string;
}

/** A step of a run: numbered through all playbooks of an incident, so that `n` is unique in it. */
export interface PlannedStep extends StepSpec {
  n: number;
  /** Whether it sends a command that changes something; such a step is guarded. */
  changes: boolean;
  /** For people: `Restart-Service MSExchangeIMAP4BE on the back end`. */
  says: string;
}
