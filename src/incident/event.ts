import type { Alert, Instant } from './alert.ts';
import type { MonitorRef, ServerFacts, VerifyResult } from './health.ts';
import type { Intent } from './intent.ts';
import type { Outcome } from './outcome.ts';
import type { Mode, PlannedStep } from './plan.ts';
import type { Restricted } from './restrictions.ts';
import type { UndoAction } from './undo.ts';

/**
 * Everything that can happen to an incident, named by past participles, with plain data. Whatever `next` needs to know
 * is an event; nothing else is. `EVENT_VERSION` versions them all: a reader of version n reads every earlier version.
 */
export type IncidentEvent =
  | { type: 'opened'; data: Opened }
  | { type: 'attached'; data: Attached }
  | { type: 'verified'; data: Verified }
  | { type: 'matched'; data: Matched }
  | { type: 'held'; data: Held }
  | { type: 'approved'; data: ByPerson }
  | { type: 'rejected'; data: ByPerson & { expired?: boolean } }
  | { type: 'stepStarted'; data: StepStarted }
  | { type: 'stepFinished'; data: StepFinished }
  | { type: 'childOpened'; data: { n: number; incident: string; server: string; joined: boolean } }
  | { type: 'slept'; data: Slept }
  | { type: 'undoStarted'; data: { undo: string; intent: Intent; took?: Took } }
  | { type: 'undone'; data: Undone }
  | { type: 'cancelled'; data: ByPerson }
  | { type: 'finished'; data: Finished };

export type EventType = IncidentEvent['type'];

export const EVENT_VERSION = 1;

/** One line of the journal. `previous` is the hash of the previous entry, '' for the first. */
export interface Entry {
  seq: number;
  at: Instant;
  worker: string;
  version: number;
  type: EventType;
  data: IncidentEvent['data'];
  previous: string;
}

export interface Opened {
  id: string;
  server: string;
  family: string;
  alert?: Alert;
  /** The organisation it was opened in, known before any verification. */
  world?: string;
  /** Set on a child: the incident that requires this server to be fixed, and the root of the family tree. */
  parent?: { incident: string; root: string; n: number };
  /** A person requested to undo what a finished incident left changed, or declared that it was undone by hand. */
  asked?: Asked;
}

export interface Asked {
  what: 'putBack' | 'settle';
  by: string;
  note?: string;
  debts: UndoAction[];
  /** Facts of the server, because no verification comes first. */
  facts: ServerFacts;
}

/** More about the same problem: alerts, or an incident that waits for this one and shares its claims. */
export interface Attached {
  alerts: Alert[];
  parent?: NonNullable<Opened['parent']>;
}

export interface ByPerson {
  by: string;
  /** Name of the token used: proven identity, whereas `by` is only a claim. */
  identity?: string;
  /** Role of that token. */
  role?: string;
  note?: string;
}

/** Why a verification was done; decides what its result means. */
export type VerifyPurpose = 'first' | 'before-change' | 'after-health' | 'after-undo';

export interface Verified extends VerifyResult {
  purpose: VerifyPurpose;
  facts?: ServerFacts;
  startedAt: Instant;
}

/** The chosen playbook with its plan for this server, or that no playbook handles the unhealthy monitors. */
export type Matched =
  | {
      playbook: { name: string; hash: string; mode: Mode; restricted?: Restricted };
      handles: MonitorRef[];
      plan: PlannedStep[];
    }
  | { playbook: null; reason: string };

/** A guard said wait. Recorded at the beginning and when the reason changes, not at each check. */
export interface Held {
  /** The held step; absent if an undo action is held. */
  n?: number;
  guard: string;
  /** One of the guard's fixed list of reasons; a metric label. */
  reason: string;
  says: string;
  until?: Instant;
  /** `true`: a person's approval ends this wait. */
  approval?: boolean;
  /** Number of different people who must approve; default 1. */
  approvers?: number;
  /** A step asked, not a guard: who may approve. Approving then answers this one question. */
  role?: AskedRole;
  /** What they approve. */
  preview?: Preview;
}

/** The role that a step may ask for. */
export type AskedRole = 'operator' | 'admin';

/** Shown to a person before the plan may continue: what would happen, the longest it can take, and what is undone. */
export interface Preview {
  steps: { n: number; says: string; changes: boolean }[];
  /** Longest duration of the plan in milliseconds (organisation's clock); absent if a step has no limit. */
  atMost?: number;
  /** Effects users may notice, in words, the most severe last. */
  disrupts: string[];
  putBack: string[];
}

export interface StepStarted {
  n: number;
  /** Facts recorded before acting, compared with by later verifications. Plain data specific to the step. */
  note: Record<string, unknown>;
  /** Absent on steps that change nothing. */
  intent?: Intent;
  undo?: UndoAction[];
  /** The group whose slot the start took; see `StartConditions` in ports/journal.ts. */
  slot?: string;
  /** Group of the target server: the kill switch is checked for it again when the command is sent. */
  group?: string;
  took?: Took;
}

/** What a start took and no other entry records: it lets the store rebuild its indexes from the journals. */
export interface Took {
  /** The organisation of its claims. */
  world: string;
  /** The throttle limits it counts towards, and its time there. */
  throttles: { key: string; now: Instant; minutesBetween: number }[];
  /** Alerts about these servers are consequences of this change until then (real ms). */
  disrupts?: { servers: string[]; until: number };
}

/** `notSent`: the kill switch was on at the last moment; the step is still pending. */
export type StepEnd = 'done' | 'skipped' | 'failed' | 'refused' | 'notSent';

/** State of a step. */
export type StepState = 'pending' | 'started' | StepEnd;

export interface StepFinished {
  n: number;
  state: StepEnd;
  /** One sentence for people. */
  says: string;
  /** The health found, on steps that verify. */
  health?: 'healthy' | 'unhealthy' | 'inconclusive';
  /** Plain data for later steps and people: the log location, the mailbox server found. */
  result?: Record<string, unknown>;
  looked?: VerifyResult;
  /** Something changed: our command took effect, or a child incident's did. */
  changed?: boolean;
  /** Why the incident must escalate here: a guard refused, the outcome is unknown, or the step is `escalate`. */
  escalate?: string;
  /** With `escalate`: no step is left, but a verification after the undo may still find the problem gone. */
  exhausted?: boolean;
  /** The guard that refused, with a reason from its fixed list. */
  guard?: { name: string; reason: string };
  /** Observe mode: nothing was done; the step describes what would have been. */
  suppressed?: boolean;
}

export interface Slept {
  until: Instant;
  /** Why; a step that polls uses its own name. */
  for: 'look' | 'health' | 'answer' | 'late' | 'watch' | 'undo' | StepName;
  says: string;
  n?: number;
  /** The undo action that is retried then. */
  undo?: string;
}

type StepName = string & {};

export interface Undone {
  undo: string;
  state: 'putBack' | 'notNeeded' | 'failed' | 'settled';
  says: string;
}

export interface Finished {
  outcome: Outcome;
  reason: string;
  /** Changes left in place on purpose. */
  left: string[];
  /** Undo actions that are due and failed. */
  owed: string[];
  /** Number of alerts beyond the limit of kept ones; they are in no entry. */
  alertsCounted?: number;
  /** Groups whose slot stays taken, because one of their servers stays drained. */
  keeps?: string[];
}
