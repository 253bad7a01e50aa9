import type { Alert, Instant } from '../incident/alert.ts';
import type { ByPerson, Entry } from '../incident/event.ts';
import type { Evidence, Verdict } from '../incident/health.ts';
import type { Mode } from '../incident/plan.ts';
import type { PlaybookRun } from '../incident/runs.ts';
import type { IncidentView } from '../incident/view.ts';
import type { FeedItem } from './journal.ts';
import type { KillScope, KillSwitch } from './kill-switch.ts';
import type { AcceptedAlert, LedgerEntry, Trust } from './store.ts';

/** The requests that people and senders can make. HTTP and the command line use only this. */
export interface Operations {
  /** Stores alerts (group commit happens inside); resolves once all are stored. Results are in the given order. */
  accept(alerts: Alert[]): Promise<AcceptedAlert[]>;
  incident(id: string): Promise<IncidentView | undefined>;
  incidents(filter: IncidentFilter): Promise<{ incidents: IncidentView[]; next?: string }>;
  /** The entries after number `after`: at most `limit`, about eight megabytes. `more`: others follow. */
  journal(id: string, after?: number, limit?: number): Promise<{ entries: Entry[]; more: boolean } | undefined>;
  /** Checks the hash chain; names the first entry that does not fit. */
  verifyJournal(
    id: string,
  ): Promise<{ ok: true; entries: number } | { ok: false; seq: number; why: string } | undefined>;
  /** These three throw Conflict if the incident's state does not allow it, NotFound if there is no such incident. */
  approve(id: string, person: ByPerson): Promise<IncidentView>;
  reject(id: string, person: ByPerson): Promise<IncidentView>;
  cancel(id: string, person: ByPerson): Promise<IncidentView>;
  killSwitches(): Promise<KillSwitch[]>;
  /** The resulting switches, and a warning for each unknown name in the scope. */
  setKillSwitch(change: { on: boolean; scope?: KillScope; by: string; reason?: string }): Promise<{
    switches: KillSwitch[];
    warnings: string[];
  }>;
  playbooks(): Promise<PlaybookView[]>;
  /** Restores the mode of a demoted playbook. NotFound if there is none of that name. */
  trustPlaybook(name: string, person: ByPerson): Promise<PlaybookView>;
  /** All or nothing: throws ConfigError with every problem, and then the old playbooks stay. */
  reloadPlaybooks(): Promise<PlaybookView[]>;
  /** What would be done now if this alert arrived. Reads the organisation, with probes; changes and records nothing. */
  whatIf(alert: WhatIfAlert, signal: AbortSignal): Promise<WhatIf>;
  undo(): Promise<LedgerEntry[]>;
  /**
   * Runs the outstanding undo actions of a server (one setting, or all) now, in an incident of its own, by the same
   * rules. Throws NotFound if there are none, Conflict if an open incident will run them itself.
   */
  putBack(target: { server: string; setting?: string }, person: ByPerson): Promise<IncidentView>;
  /** Removes outstanding undo actions that a person has done by hand; sends nothing. Throws like `putBack`. */
  settle(target: { server: string; setting?: string }, person: ByPerson): Promise<IncidentView>;
  feed(after: string, signal: AbortSignal): AsyncIterable<FeedItem>;
  readiness(): Promise<Readiness>;
}

export interface IncidentFilter {
  state?: 'open' | 'finished';
  server?: string;
  healthSet?: string;
  outcome?: string;
  since?: Instant;
  limit: number;
  cursor?: string;
}

export interface PlaybookView {
  name: string;
  summary: string;
  page?: string;
  handles: string[];
  /** The effective mode: the playbook's own, limited by `safety.mode` and by demotion. */
  mode: Mode;
  /** Set if it was demoted, because these runs did not help. */
  demoted?: { from: Mode; incidents: string[] };
  hash: string;
  file: string;
  steps: { n: number; step: string; options: Record<string, unknown>; when?: Record<string, unknown>; says: string }[];
  /** Newest first, at most 20. */
  runs: PlaybookRun[];
  /** When a person last restored its trust. */
  trusted?: Trust;
}

export interface WhatIfAlert {
  server: string;
  healthSet?: string;
  monitor?: string;
  targetResource?: string;
}

export interface WhatIf {
  server: string;
  /** The open incident that the alert would join. */
  joins?: string;
  verification: { verdict: Verdict; reason: string; evidence: Evidence[] };
  /** Absent if nothing is confirmed, or no playbook handles it. */
  playbook?: { name: string; hash: string; mode: Mode };
  steps: WhatIfStep[];
  /** The answer in one or two sentences. */
  says: string;
}

/** `not-reached`: an earlier step would be refused. `why` is set for all others than `run`. */
export interface WhatIfStep {
  n: number;
  says: string;
  changes: boolean;
  would: 'run' | 'skip' | 'wait' | 'ask' | 'refuse' | 'not-reached';
  why?: string;
  command?: { command: string; server: string; arguments: Record<string, unknown> };
  /** The answers of all guards, in their order. */
  guards?: { guard: string; answer: 'allow' | 'wait' | 'refuse' | 'verify'; reason?: string; says?: string }[];
}

/** Whether the daemon can accept alerts *and* act, by part. */
export interface Readiness {
  ready: boolean;
  parts: { part: 'store' | 'queue' | 'exchange' | 'playbooks'; ok: boolean; says: string }[];
}

/** The current state does not allow it; `message` says why. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}

/** Their role does not allow it. */
export class Forbidden extends Error {
  override readonly name = 'Forbidden';
}

export class NotFound extends Error {
  override readonly name = 'NotFound';
}
