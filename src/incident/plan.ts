import type { MonitorRef, Role } from './health.ts';

export type Mode = 'observe' | 'approve' | 'auto';

/** Modes from the most careful to the boldest. */
export const MODES: readonly Mode[] = ['observe', 'approve', 'auto'];

/** The more careful of two modes: `safety.mode` limits the mode of every playbook. */
export function ceiling(a: Mode, b: Mode): Mode {
  return MODES.indexOf(a) <= MODES.indexOf(b) ? a : b;
}

/** The mode that is `by` levels more careful. */
export function demote(mode: Mode, by: number): Mode {
  return MODES[Math.max(0, MODES.indexOf(mode) - by)] as Mode;
}

/** When a step applies: all given parts must hold. A fixed set, not an expression language. */
export interface Condition {
  role?: Role;
  /** Whether the server is in a database availability group. */
  dag?: boolean;
  /** Exchange version by year: 2013, 2016, 2019. */
  version?: number[];
  /** State of a health set on the server, verified when the step is reached. */
  healthy?: string;
  unhealthy?: string;
}

/** A step from a playbook, with its options validated and defaults filled in. */
export interface StepSpec {
  step: string;
  options: Record<string, unknown>;
  when?: Condition;
}

/** A validated playbook. */
export interface Playbook {
  name: string;
  summary: string;
  page?: string;
  handles: MonitorRef[];
  mode: Mode;
  /** Its file sets no mode: that of the organisation's defaults holds. */
  modeIsDefault?: true;
  steps: StepSpec[];
  /** SHA-256 (first 12 hex digits) of its content; comments and layout don't count. */
  hash: string;
  /** Path of its file. */
  file: string;
  /** Where each step is, for problems that are found later, and the comments about it. */
  places: StepPlace[];
}

/** Where a step is: in the file of its playbook, or in that of a list of steps. */
export interface StepPlace extends FilePlace {
  endColumn?: number;
  excerpt?: string;
  /** Where the list is used, the nearest use first. */
  usedAt?: FilePlace[];
  /** Options that the organisation's defaults set, not the file. */
  defaults?: string[];
  /** Options that the file sets. */
  written?: string[];
  comments: StepComment[];
}

/** A comment about `of` steps, the outermost list first; this step is number `at` of them, counted from 0. */
export interface StepComment {
  text: string;
  at: number;
  of: number;
}

export interface FilePlace {
  file: string;
  line: number;
  column: number;
  path: string;
}

/** A step of a run. `n` is unique in an incident: numbering continues through all its playbooks. */
export interface PlannedStep extends StepSpec {
  n: number;
  /** Whether it sends a command that changes something; guards check such steps. */
  changes: boolean;
  /** It verifies whether the last change helped. */
  verifies?: true;
  /** For people: `Restart-Service MSExchangeIMAP4BE on the back end`. */
  says: string;
}
