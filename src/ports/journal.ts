import type { Alert, Instant } from '../incident/alert.ts';
import type { Entry, IncidentEvent } from '../incident/event.ts';
import type { CountedAlerts } from '../incident/incident.ts';
import type { PlaybookRun } from '../incident/runs.ts';
import type { Settle } from '../incident/traces.ts';
import type { UndoAction } from '../incident/undo.ts';
import type { KillScope, KillSwitch } from './kill-switch.ts';

/** A position in an incident's journal: the number and hash of its last entry. `{seq: 0, hash: ''}`: empty. */
export interface Head {
  seq: number;
  hash: string;
}

/** Consecutive entries of a journal, with its head at that time. */
export interface JournalPage {
  head: Head;
  entries: Entry[];
  /** Whether more entries follow. */
  more: boolean;
  /** Alerts that are only counted. */
  counted?: CountedAlerts;
}

/** The head has moved since it was read, so decisions based on it are void. */
export class Stale extends Error {
  override readonly name = 'Stale';
}

/** Written, but to fewer replicas than required: a failover could lose it, so nobody may rely on it yet. */
export class NotCopied extends Error {
  override readonly name = 'NotCopied';
}

/** What to store together with an entry, atomically. */
export interface AppendOptions {
  at: Instant;
  worker: string;
  /** The entry will be confirmed to someone: throws NotCopied if it was written but a failover could lose it. */
  sure?: boolean;
  /** Real time (ms) at which the incident is due next; undefined keeps the current time, null removes it. */
  due?: number | null;
  /**
   * Set with `opened`: takes the alert from the pending index and reserves the key. The result is `open` if the key is
   * taken.
   */
  opening?: { key: string; alertId?: string; server: string; family: string };
  /**
   * Problems of the server that this entry shows, and those it shows to be gone; used to count servers with the same
   * problem.
   */
  trouble?: { organisation: string; server: string; seen: string[]; gone: string[] };
  /** Set with `attached`: takes the alerts from the pending index. */
  attaching?: { alertIds: string[] };
  /** Set with `stepStarted` of a changing step and with `undoStarted`: all must hold, or nothing is written. */
  start?: StartConditions;
  /** Undo actions to add to the ledger; an existing one stays as it is (its value is the first found). */
  outstanding?: { debt: UndoAction; incident: string; organisation: string }[];
  /** Undo actions to remove from the ledger. */
  settle?: Settle[];
  /**
   * Set with `finished`: releases key, claims and slots (except those named) and compacts the journal. `requeue`:
   * alerts about other problems that arrived while the incident was acting on the server; they become pending again,
   * not as repeats. `runs`: the results of its playbooks.
   */
  finishing?: {
    key: string;
    root: string;
    keepSlots: string[];
    isRoot: boolean;
    outcome: string;
    requeue?: Alert[];
    runs?: PlaybookRun[];
  };
}

/** Conditions on shared state. The store checks them and appends in one atomic script. */
export interface StartConditions {
  /** The owner of claims and slots: the root incident. */
  owner: string;
  /** The organisation of the claims; a reset lab starts with none. */
  organisation: string;
  kill: KillScope[];
  claims: string[];
  slot?: { group: string; server: string };
  throttles: ThrottleRule[];
  /** Set for disruptive actions: alerts about these servers attach to this incident until then (real ms). */
  disrupts?: { servers: string[]; until: number };
}

/** In the terms of Managed Availability; -1 means no limit. Counts root incidents, not steps. */
export interface ThrottleRule {
  /** `restart-service:mbx1:MSExchangeIMAP4BE`, or `restart-service@dag1` for a group's. */
  key: string;
  minutesBetween: number;
  perHour: number;
  perDay: number;
  group: boolean;
  /** Organisation time of this start. */
  now: Instant;
}

/** The condition that refused a start. */
export type StartRefusal =
  | { by: 'kill-switch'; switch: KillSwitch }
  | { by: 'claim'; server: string; owner: string }
  | { by: 'slot'; group: string; owner: string; server: string }
  | {
      by: 'throttle';
      rule: ThrottleRule;
      limit: 'minutesBetween' | 'perHour' | 'perDay';
      last: Instant;
      count: number;
    };

export type AppendResult =
  | { ok: true; head: Head; entry: Entry }
  /** A start condition did not hold; nothing was written. */
  | { ok: false; refused: StartRefusal }
  /** `opening` only: this open incident has the key; nothing was written. */
  | { ok: false; open: string };

/** An entry in the sequence of all journals; `id` resumes the feed after it. */
export interface FeedItem {
  id: string;
  incident: string;
  entry: Entry;
}

export interface IncidentQuery {
  state?: 'open' | 'finished';
  /** `openedAt` at or after this. */
  since?: Instant;
  limit: number;
  /** `next` of the previous page. */
  cursor?: string;
}

/** The journals of incidents, and the indexes to find them. */
export interface Journals {
  /** The entries after number `after`: about a megabyte, and at most `limit`. */
  page(incident: string, after?: number, limit?: number): Promise<JournalPage | undefined>;
  /**
   * Takes pending alerts that an open incident only counts: counts those in `alerts` and stores the latest. False if
   * the incident is no longer open or another worker took one of them; then nothing was written.
   */
  count(incident: string, counting: { alertIds: string[]; alerts: Alert[]; repeatCount: number }): Promise<boolean>;
  /** Appends after `head`; throws Stale if the head has moved. */
  append(incident: string, head: Head, event: IncidentEvent, options: AppendOptions): Promise<AppendResult>;
  /** What would currently refuse a start with these conditions. `append` checks them again. Writes nothing. */
  wouldRefuse(start: StartConditions): Promise<StartRefusal | undefined>;
  /** Newest first. */
  list(query: IncidentQuery): Promise<{ ids: string[]; next?: string }>;
  openIncidents(): Promise<string[]>;
  /** The open incidents of a server (short name). */
  openOn(server: string): Promise<{ incident: string; family: string }[]>;
  /** Entries after an id ('' = from now on), as they are appended, until the signal aborts. */
  feed(after: string, signal: AbortSignal): AsyncIterable<FeedItem>;
}
