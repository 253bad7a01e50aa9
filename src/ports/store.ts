/**
 * The only interfaces the shell knows. Each has two sides behind one contract suite in test/contracts: Exchange (lab,
 * PowerShell), Store (redis, memory), Wakeups (BullMQ, memory).
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

/** Where a matter stands for correlation. */
export interface Correlation {
  /** The open incident with that key. */
  open?: string;
  /** The open incident that is disrupting the alert's server right now. */
  disrupting?: string;
}

/** A person's word that a playbook is to be trusted again, whatever it did before. */
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
  /** What a person should know: durability, eviction. */
  warnings: string[];
  says: string;
}

/** A store as it is found from outside, where nothing is started, made or written for it. */
export type StoreFacts =
  | { found: 'answer'; health: StoreHealth }
  /** The daemon starts a Redis of its own here; `kept`: with what is there from the last time. */
  | { found: 'asleep'; directory: string; kept: boolean; warnings: string[] }
  /** The daemon would start one, and there is none to start. */
  | { found: 'no-program'; directory: string }
  | { found: 'unusable'; says: string };

/** What a daemon finds when it looks whether the store is still the one that it knows. */
export interface Recognised {
  /**
   * `emptied`: what the daemon knew is gone, and the store was taken into use again, by this daemon or by another that knew the same.
   * `other`: another store answers at this address; nothing is asked of it, nor written to it.
   */
  is: 'same' | 'emptied' | 'other';
  /** Its last entries are gone: it is an older copy of itself, as a replica or a backup is. */
  older: boolean;
  /** It has dropped keys since the last look, for want of memory. */
  evicted: boolean;
}

/** How the store knows an incident. */
export interface Standing {
  head: Head;
  open: boolean;
  /** It will be advanced: it has a time for that, or a worker has it in hand. */
  due: boolean;
}

/** What was found when all indexes were made anew. */
export interface Reindexed {
  /** Incidents whose journals were read; `open` of them are not finished. */
  incidents: number;
  open: number;
  /** Changes that are still to be put back. */
  owed: number;
  /** Incidents whose journals could not be read, and why: what the indexes said of them was left as it was. */
  unreadable: { incident: string; why: string }[];
}

/** Alerts that were accepted and wait for their incident. */
export interface AlertQueue {
  /** Records each alert, its mark and its place in the pending index in one script; resolves once all are safe, or throws. */
  accept(alerts: Alert[], retentionMs: number): Promise<AcceptedAlert[]>;
  /** The record of an accepted alert that was not correlated yet, and whether its identity had been seen before. */
  pendingAlert(id: string): Promise<{ alert: Alert; repeat: boolean } | undefined>;
  /** The oldest accepted alerts that were not correlated yet and were received before `before` (real ms). */
  pendingAlerts(before: number, limit: number): Promise<string[]>;
  /** Drops an alert that changes nothing (a `resolved` with no open incident, a repeat). */
  dropPending(id: string): Promise<void>;
  correlate(key: string, server: string, organisation: string, nowMs: number): Promise<Correlation>;
  /** When the last incident with that key ended (real ms), and the highest RepeatCount it knew. */
  lastOutcome(key: string, organisation: string): Promise<{ at: number; repeatCount: number } | undefined>;
  /** The incidents with that key that recovered since then (organisation time), oldest first; at most the last 50. */
  recoveries(key: string, organisation: string, since: Instant): Promise<string[]>;
}

/** Which worker advances an incident, and when the next one has to. */
export interface Leases {
  /** An exclusive hold for advancing; undefined when another worker has it. `token` proves it. */
  lease(incident: string, worker: string, ms: number): Promise<{ token: string } | undefined>;
  /** Prolongs; false when it was lost. */
  renew(incident: string, token: string, ms: number): Promise<boolean>;
  /**
   * Asked right before a command is sent: the journal still ends at `head`, the lease with that token is still held, and
   * neither can be forgotten any more. False when the lease was lost; throws Stale or NotCopied.
   */
  confirm(incident: string, head: Head, token?: string): Promise<boolean>;
  /** Gives it back and notes when to come again (real ms; null: never). True when a nudge came meanwhile: advance again. */
  release(incident: string, token: string, due: number | null): Promise<boolean>;
  /** Marks that there is news for an incident, and makes it due now. */
  nudge(incident: string, nowMs: number): Promise<void>;
  /** Incidents whose time had come before `before` (real ms) and that nobody advances. */
  overdue(before: number, limit: number): Promise<string[]>;
}

/** What all incidents share: the kill switch, and what is still to be put back. */
export interface SharedState {
  killSwitches(): Promise<KillSwitch[]>;
  /** Throws NotCopied when it was done, and a failover could forget it. */
  setKillSwitch(change: KillSwitch): Promise<void>;
  ledger(): Promise<LedgerEntry[]>;
  ledgerOf(server: string, setting: string, organisation: string): Promise<LedgerEntry | undefined>;
}

/** What incidents learn from each other. */
export interface Lessons {
  /** The servers that were seen with any of these troubles since then (organisation time). */
  troubled(organisation: string, troubles: string[], since: Instant): Promise<string[]>;
  /**
   * The one incident that speaks for a matter: this one, unless another was first; without one, whoever does already. It
   * does so until nobody has asked for `ms` (real).
   */
  claimNotification(
    organisation: string,
    matter: string,
    incident: string | undefined,
    ms: number,
  ): Promise<string | undefined>;
  /** The last runs of a playbook, newest first, at most 20; and when a person has trusted it anew. */
  runs(organisation: string, playbook: string): Promise<{ runs: PlaybookRun[]; trusted?: Trust }>;
  trust(organisation: string, playbook: string, trust: Trust): Promise<void>;
}

/** The store itself: is it there, is it still the same, can its indexes be rebuilt. */
export interface StoreCare {
  /** Whether it answers, and has been seen to do its work within seconds. */
  health(): Promise<StoreHealth>;
  /**
   * Looks whether this is still the store that it was at the first call. From then on everything else fails in another one, and in
   * an emptied one until this was called again: `switches` are on in it before anything can begin there.
   */
  recognise(switches: KillSwitch[]): Promise<Recognised>;
  /** How incidents stand, in the order asked for; undefined where there is no journal, or its beginning or end is gone. */
  standings(incidents: readonly string[]): Promise<(Standing | undefined)[]>;
  /**
   * Makes every index anew from the journals. Only while no daemon works on the store: until it is done nothing can be
   * appended. Alerts that wait, marks, kill switches, trust and the feed are in no journal, and stay as they are.
   */
  reindex(): Promise<Reindexed>;
  close(): Promise<void>;
}

/** All of it. Two sides: redis and memory. */
export interface Store extends AlertQueue, Journals, Leases, SharedState, Lessons, StoreCare {}
