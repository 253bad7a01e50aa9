import type { Alert, Instant } from '../incident/alert.ts';
import type { ByPerson, Entry } from '../incident/event.ts';
import type { Mode } from '../incident/plan.ts';
import type { PlaybookRun } from '../incident/runs.ts';
import type { IncidentView } from '../incident/view.ts';
import type { FeedItem } from './journal.ts';
import type { KillScope, KillSwitch } from './kill-switch.ts';
import type { AcceptedAlert, LedgerEntry, Trust } from './store.ts';

/** What a person or a sender may ask of the daemon. HTTP and the command line call this and nothing else. */
export interface Operations {
  /** Stores alerts (group commit happens inside); resolves once all are safe. In the order given. */
  accept(alerts: Alert[]): Promise<AcceptedAlert[]>;
  incident(id: string): Promise<IncidentView | undefined>;
  incidents(filter: IncidentFilter): Promise<{ incidents: IncidentView[]; next?: string }>;
  /** The entries after number `after`, at most `limit`, about eight megabytes; `more`: others follow. */
  journal(id: string, after?: number, limit?: number): Promise<{ entries: Entry[]; more: boolean } | undefined>;
  /** Checks the chain of hashes; names the first entry that does not fit. */
  verifyJournal(
    id: string,
  ): Promise<{ ok: true; entries: number } | { ok: false; seq: number; why: string } | undefined>;
  /** The three throw Conflict when the incident's state does not allow it, NotFound when there is none. */
  approve(id: string, person: ByPerson): Promise<IncidentView>;
  reject(id: string, person: ByPerson): Promise<IncidentView>;
  cancel(id: string, person: ByPerson): Promise<IncidentView>;
  killSwitches(): Promise<KillSwitch[]>;
  /** The switches as they are then, and a sentence about each name in the scope that nobody knows. */
  setKillSwitch(change: { on: boolean; scope?: KillScope; by: string; reason?: string }): Promise<{
    switches: KillSwitch[];
    warnings: string[];
  }>;
  playbooks(): Promise<PlaybookView[]>;
  /** A playbook that was demoted is as bold again as it was written. NotFound when there is none of that name. */
  trustPlaybook(name: string, person: ByPerson): Promise<PlaybookView>;
  /** All problems or none: throws ConfigError listing every one, and then the old ones stay. */
  reloadPlaybooks(): Promise<PlaybookView[]>;
  undo(): Promise<LedgerEntry[]>;
  /**
   * Has what is owed on a server (one setting of it, or all) put back now: an incident of its own does it, by the same
   * rules. Throws NotFound when nothing is owed there, Conflict when an open incident will see to it itself.
   */
  putBack(owed: { server: string; setting?: string }, person: ByPerson): Promise<IncidentView>;
  /** Strikes out what a person has seen to by hand: nothing is sent. Throws as `putBack` does. */
  settle(owed: { server: string; setting?: string }, person: ByPerson): Promise<IncidentView>;
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
  /** The mode in force: the playbook's own, under the ceiling of `safety.mode` and of what it is trusted with. */
  mode: Mode;
  /** It is less bold than it was written, as these runs did not help. */
  demoted?: { from: Mode; incidents: string[] };
  hash: string;
  file: string;
  steps: { n: number; step: string; options: Record<string, unknown>; when?: Record<string, unknown>; says: string }[];
  /** Newest first, at most 20. */
  runs: PlaybookRun[];
  /** When a person last restored its trust. */
  trusted?: Trust;
}

/** Able to accept *and* to act, each part named. */
export interface Readiness {
  ready: boolean;
  parts: { part: 'store' | 'queue' | 'exchange' | 'playbooks'; ok: boolean; says: string }[];
}

/** The state does not allow it; `message` says why. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}

export class NotFound extends Error {
  override readonly name = 'NotFound';
}
