/**
 * The interfaces of the engine to the outside. Each has two implementations behind one contract suite in
 * test/contracts: Exchange (lab, PowerShell), Store (redis, memory), Wakeups (BullMQ, memory).
 */
import type { Alert, Instant } from '../incident/alert.ts';
import type { PlaybookRun } from '../incident/runs.ts';
import type { UndoAction } from '../incident/undo.ts';
import type { Head, Journals } from './journal.ts';
import type { KillSwitch } from './kill-switch.ts';

export interface AcceptedAlert {
  id: string;
  repeat: boolean;
}

/** The incidents to which an alert may belong. */
export interface Correlation {
  /** The open incident with that key. */
  open?: string;
  /** The open incident that is currently disrupting the alert's server. */
  disrupting?: string;
}

/** A person's decision to trust a playbook again, whatever it did before. */
export interface Trust {
  by: string;
  at: Instant;
  note?: string;
}

export interface LedgerEntry {
  debt: UndoAction;
  incident: string;
  world: string;
  at: Instant;
}

export interface StoreHealth {
  up: boolean;
  /** `redis`, `private redis`, `memory`. */
  kind: string;
  /** Warnings for people: durability, eviction. */
  warnings: string[];
  says: string;
}

/** The state of a store as inspected from outside, without starting, creating or writing anything. */
export type StoreFacts =
  | { found: 'answer'; health: StoreHealth }
  /** The daemon will start a Redis of its own here; `kept`: with data from the last time. */
  | { found: 'asleep'; directory: string; kept: boolean; warnings: string[] }
  /** The daemon would start a Redis, but none is installed. */
  | { found: 'no-program'; directory: string }
  | { found: 'unusable'; says: string };

/** The result of checking whether the store is still the known one. */
export interface Recognised {
  /**
   * `emptied`: the data that the daemon knew is gone, and this or another daemon has taken the store into use again.
   * `other`: another store answers at this address; nothing is read from it or written to it.
   */
  is: 'same' | 'emptied' | 'other';
  /** Whether its last entries are gone: then it is an older copy, such as a replica or a backup. */
  older: boolean;
  /** Whether it has dropped keys since the last check, for lack of memory. */
  evicted: boolean;
}

/** An incident as the store knows it. */
export interface Standing {
  head: Head;
  open: boolean;
  /** Whether it will be advanced: it has a due time, or a worker is advancing it. */
  due: boolean;
}

/** The result of rebuilding all indexes. */
export interface Reindexed {
  /** Number of incidents whose journals were read; `open` of them are not finished. */
  incidents: number;
  open: number;
  /** Number of outstanding undo actions. */
  owed: number;
  /** Incidents whose journals could not be read, and why; their index data was kept. */
  unreadable: { incident: string; why: string }[];
}

/** Accepted alerts that wait to be correlated. */
export interface AlertQueue {
  /**
   * Stores each alert, marks its id as seen and adds it to the pending index, in one script; resolves once all are
   * stored, or throws.
   */
  accept(alerts: Alert[], retentionMs: number): Promise<AcceptedAlert[]>;
  /** An accepted alert that was not correlated yet, and whether its id had been seen before. */
  pendingAlert(id: string): Promise<{ alert: Alert; repeat: boolean } | undefined>;
  /** The oldest accepted alerts that were not correlated yet and were received before `before` (real ms). */
  pendingAlerts(before: number, limit: number): Promise<string[]>;
  /** Drops an alert that changes nothing (a `resolved` with no open incident, a repeat). */
  dropPending(id: string): Promise<void>;
  correlate(key: string, server: string, organisation: string, nowMs: number): Promise<Correlation>;
  /** When the last incident with that key ended (real ms), and its highest RepeatCount. */
  lastOutcome(key: string, organisation: string): Promise<{ at: number; repeatCount: number } | undefined>;
  /** Incidents with that key that recovered since then (organisation time), oldest first; at most the last 50. */
  recoveries(key: string, organisation: string, since: Instant): Promise<string[]>;
}

/** Which worker advances an incident, and when it is due next. */
export interface Leases {
  /** An exclusive lease for advancing, proven by `token`; undefined if another worker has it. */
  lease(incident: string, worker: string, ms: number): Promise<{ token: string } | undefined>;
  /** Renews the lease; false if it was lost. */
  renew(incident: string, token: string, ms: number): Promise<boolean>;
  /**
   * Called right before a command is sent: checks that the journal still ends at `head`, that the lease with that token
   * is still held, and that a failover can't lose either. False if the lease was lost; throws Stale or NotCopied.
   */
  confirm(incident: string, head: Head, token?: string): Promise<boolean>;
  /**
   * Releases the lease and sets the next due time (real ms; null: never). True if a nudge arrived meanwhile: advance
   * again.
   */
  release(incident: string, token: string, due: number | null): Promise<boolean>;
  /** Records that there is news for an incident, and makes it due now. */
  nudge(incident: string, nowMs: number): Promise<void>;
  /** Incidents that were due before `before` (real ms) and that no worker is advancing. */
  overdue(before: number, limit: number): Promise<string[]>;
}

/** State shared by all incidents: kill switches and outstanding undo actions. */
export interface SharedState {
  killSwitches(): Promise<KillSwitch[]>;
  /** Throws NotCopied if it was written but a failover could lose it. */
  setKillSwitch(change: KillSwitch): Promise<void>;
  ledger(): Promise<LedgerEntry[]>;
  ledgerOf(server: string, setting: string, organisation: string): Promise<LedgerEntry | undefined>;
}

/** What incidents learn from one another. */
export interface Lessons {
  /** The servers on which any of these problems was found since then (organisation time). */
  troubled(organisation: string, troubles: string[], since: Instant): Promise<string[]>;
  /**
   * The one incident that notifies people about a problem: the given one, unless another was first; without one, the
   * current one if any. The claim expires when nobody has asked for `ms` (real).
   */
  claimNotification(
    organisation: string,
    matter: string,
    incident: string | undefined,
    ms: number,
  ): Promise<string | undefined>;
  /** The last runs of a playbook, newest first, at most 20, and when a person last restored its trust. */
  runs(organisation: string, playbook: string): Promise<{ runs: PlaybookRun[]; trusted?: Trust }>;
  trust(organisation: string, playbook: string, trust: Trust): Promise<void>;
}

/** The store itself: whether it is there, whether it is still the same, and rebuilding its indexes. */
export interface StoreCare {
  /** Whether it answers, and has done its work within the last seconds. */
  health(): Promise<StoreHealth>;
  /**
   * Checks whether this is still the store of the first call. Until then, and in another store, all other calls fail;
   * in an emptied store they fail until this is called again, and `switches` are on before anything can begin there.
   */
  recognise(switches: KillSwitch[]): Promise<Recognised>;
  /**
   * The state of incidents, in the given order; undefined if there is no journal, or its beginning or end is missing.
   */
  standings(incidents: readonly string[]): Promise<(Standing | undefined)[]>;
  /**
   * Rebuilds every index from the journals. No daemon may work on the store meanwhile: appending is blocked until it is
   * done. Pending alerts, alert ids, kill switches, trust and the feed are in no journal and stay as they are.
   */
  reindex(): Promise<Reindexed>;
  close(): Promise<void>;
}

/** The whole store. Implementations: redis and memory. */
export interface Store extends AlertQueue, Journals, Leases, SharedState, Lessons, StoreCare {}
