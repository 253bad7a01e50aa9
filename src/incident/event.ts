import type { Alert, Instant } from './alert.ts';
import type { MonitorRef, ServerFacts, VerifyResult } from './health.ts';
import type { Intent } from './intent.ts';
import type { Outcome } from './outcome.ts';
import type { Mode, PlannedStep } from './plan.ts';
import type { UndoAction } from './undo.ts';

/**
 * Everything that can happen to an incident, as past participles with plain data. What `next` needs to know is an event;
 * nothing else is. Versioned as a whole by `EVENT_VERSION`: a reader of version n reads all before it.
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

/** One line of the journal. `previous` is the hash of the entry before it; '' for the first. */
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
  /** The organisation that it was opened in, before anything of it was seen. */
  world?: string;
  /** Set on a child: the incident that wants this server seen to, and the root of them all. */
  parent?: { incident: string; root: string; n: number };
  /** A person wants what a finished incident left changed to be put back, or says that it was seen to by hand. */
  asked?: Asked;
}

export interface Asked {
  what: 'putBack' | 'settle';
  by: string;
  note?: string;
  debts: UndoAction[];
  /** The server's facts: nothing is looked at before. */
  facts: ServerFacts;
}

/** More of the same matter: alerts, or an incident that waits for this one and shares its claims with it. */
export interface Attached {
  alerts: Alert[];
  parent?: NonNullable<Opened['parent']>;
}

export interface ByPerson {
  by: string;
  /** The name of the token that this person showed: what was proven, where `by` is only what was said. */
  identity?: string;
  note?: string;
}

/** Why it was looked; decides what its result means. */
export type VerifyPurpose = 'first' | 'before-change' | 'after-health' | 'after-undo';

export interface Verified extends VerifyResult {
  purpose: VerifyPurpose;
  facts?: ServerFacts;
  startedAt: Instant;
}

/** A playbook was chosen, with its plan for this server; or none handles what is unhealthy. */
export type Matched =
  | { playbook: { name: string; hash: string; mode: Mode }; handles: MonitorRef[]; plan: PlannedStep[] }
  | { playbook: null; reason: string };

/** A guard said wait. Written when it begins and when its reason changes, not at each look. */
export interface Held {
  /** The step that is held; absent when an undo is. */
  n?: number;
  guard: string;
  /** One of the guard's closed list, a metric label. */
  reason: string;
  says: string;
  until?: Instant;
  /** `true`: this wait ends by a person's approval. */
  approval?: boolean;
  /** How many different people must approve; one when absent. */
  approvers?: number;
  /** What they approve. */
  preview?: Preview;
}

/** What a person is shown before the plan may go on: what would happen, how long at worst, and what is put back. */
export interface Preview {
  steps: { n: number; says: string; changes: boolean }[];
  /** Milliseconds (organisation's) that the plan takes at the very most; absent where a step has no bound of its own. */
  atMost?: number;
  /** What users may notice, in words, harshest last. */
  disrupts: string[];
  putBack: string[];
}

export interface StepStarted {
  n: number;
  /** Facts noted before acting, which a later look compares with. Plain data, the step's own. */
  note: Record<string, unknown>;
  /** Absent on steps that change nothing. */
  intent?: Intent;
  undo?: UndoAction[];
  /** What the start took: see `ports.ts`, `StartConditions`. */
  slot?: string;
  /** The group of the server acted on: what the kill switch is asked about, again, when the command is sent. */
  group?: string;
  took?: Took;
}

/** What a start took that no other entry tells: with it the store's indexes can be made anew from the journals. */
export interface Took {
  /** The organisation that its claims are in. */
  world: string;
  /** The limits it counts towards, and its time there. */
  throttles: { key: string; now: Instant; minutesBetween: number }[];
  /** Alerts about these servers were its own until then (real ms). */
  disrupts?: { servers: string[]; until: number };
}

/** `notSent`: the kill switch was on at the last moment; the step is still to be done. */
export type StepEnd = 'done' | 'skipped' | 'failed' | 'refused' | 'notSent';

/** How a step stands. */
export type StepState = 'pending' | 'started' | StepEnd;

export interface StepFinished {
  n: number;
  state: StepEnd;
  /** In one sentence, for people. */
  says: string;
  /** Seen health, on steps that look. */
  health?: 'healthy' | 'unhealthy' | 'inconclusive';
  /** Plain data for later steps and people: the log's location, the mailbox server found. */
  result?: Record<string, unknown>;
  looked?: VerifyResult;
  /** The world is another than before: our command took effect, or a child incident's did. */
  changed?: boolean;
  /** Why the incident must end in escalation here: refused by a guard, unknown, or the step is `escalate`. */
  escalate?: string;
  /** With `escalate`: nothing is left to try, but a look after the undo may still find the trouble gone. */
  exhausted?: boolean;
  /** The guard that refused, with its reason from the closed list. */
  guard?: { name: string; reason: string };
  /** Observe mode: nothing was done, and this is what would have been. */
  suppressed?: boolean;
}

export interface Slept {
  until: Instant;
  /** What is waited for; a step that polls goes by its name. */
  for: 'look' | 'health' | 'answer' | 'late' | 'watch' | 'undo' | StepName;
  says: string;
  n?: number;
  /** The undo that is tried again then. */
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
  /** What stays changed on purpose. */
  left: string[];
  /** What is still to be put back and could not be. */
  owed: string[];
  /** Alerts that came when there was no room for more, and are in no entry. */
  alertsCounted?: number;
  /** The groups whose slot stays taken, as a server of theirs stays drained. */
  keeps?: string[];
}
