import type { Alert, Instant } from '../incident/alert.ts';
import type { Entry, IncidentEvent } from '../incident/event.ts';
import type { CountedAlerts } from '../incident/incident.ts';
import type { PlaybookRun } from '../incident/runs.ts';
import type { Settle } from '../incident/traces.ts';
import type { UndoAction } from '../incident/undo.ts';
import type { KillScope, KillSwitch } from './kill-switch.ts';

/** A position in an incident's journal: the number of its last entry and that entry's hash. `{seq: 0, hash: ''}` is empty. */
export interface Head {
  seq: number;
  hash: string;
}

export interface Journal {
  head: Head;
  entries: Entry[];
}

/** Some entries of a journal, in order, and the head that it had then. */
export interface JournalPage extends Journal {
  /** Further entries follow. */
  more: boolean;
  /** Alerts that are in no entry. */
  counted?: CountedAlerts;
}

/** The head has moved since it was read: what was decided on it is void. */
export class Stale extends Error {
  override readonly name = 'Stale';
}

/** It is written, but on fewer replicas than asked for: a failover would forget it, so nobody may rely on it yet. */
export class NotCopied extends Error {
  override readonly name = 'NotCopied';
}

/** What to remember beside an entry, in the same script. */
export interface AppendOptions {
  at: Instant;
  worker: string;
  /** Somebody is told that it is so: throws NotCopied when it was written, and a failover could forget it. */
  sure?: boolean;
  /** Real time (ms) at which the incident wants to be advanced again; undefined leaves it, null takes it out. */
  due?: number | null;
  /** Set with `opened`: takes the alert from the pending index, and holds the key. Answers `open` when the key is taken. */
  opening?: { key: string; alertId?: string; server: string; family: string };
  /** What this entry shows to be wrong with a server, and what is no longer: others ask how many have the same. */
  trouble?: { organisation: string; server: string; seen: string[]; gone: string[] };
  /** Set with `attached`: takes the alerts from the pending index. */
  attaching?: { alertIds: string[] };
  /** Set with `stepStarted` of a changing step (and `undoStarted`): all must hold, or nothing is written. */
  start?: StartConditions;
  /** Undo debts to enter in the ledger; one that stands there already stays as it is (its value is the first found). */
  outstanding?: { debt: UndoAction; incident: string; organisation: string }[];
  /** Debts to strike out of the ledger. */
  settle?: Settle[];
  /**
   * Set with `finished`: releases key, claims, slots (but those named) and compacts the journal. `requeue`: alerts of other
   * matters that came while it had the server in hand; they are pending again, and not as repeats. `runs`: how its
   * playbooks did.
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

/** What shared state decides is decided where the state is: one atomic script. */
export interface StartConditions {
  /** The owner of claims and slots: the root incident. */
  owner: string;
  /** The organisation these claims are in; a lab that was reset starts with none. */
  organisation: string;
  kill: KillScope[];
  claims: string[];
  slot?: { group: string; server: string };
  throttles: ThrottleRule[];
  /** The action is disruptive: alerts about these servers attach to this incident until then (real ms). */
  disrupts?: { servers: string[]; until: number };
}

/** In Managed Availability's own terms. -1 = no limit. Counts root incidents, not steps. */
export interface ThrottleRule {
  /** `restart-service:mbx1:MSExchangeIMAP4BE`, or `restart-service@dag1` for a group's. */
  key: string;
  /** The guard's reason label: `too-soon`, `daily-limit`, `group-too-soon`, `group-daily-limit`. */
  minutesBetween: number;
  perHour: number;
  perDay: number;
  group: boolean;
  /** Organisation time of this start. */
  now: Instant;
}

/** Which condition of a start said no. */
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
  /** A start condition said no; nothing was written. */
  | { ok: false; refused: StartRefusal }
  /** `opening` only: the key is held by this open incident; nothing was written. */
  | { ok: false; open: string };

/** An entry of all journals in one sequence; `id` resumes the feed after it. */
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
  /** `next` of the answer before. */
  cursor?: string;
}

/** The journals of incidents, and the indexes that find them. */
export interface Journals {
  /** A whole journal. For what may be long, `page` and `readIncident` take less room. */
  read(incident: string): Promise<Journal | undefined>;
  /** The entries after number `after`: about a megabyte of them, and at most `limit`. */
  page(incident: string, after?: number, limit?: number): Promise<JournalPage | undefined>;
  /**
   * Takes pending alerts that an open incident keeps no entry of: counts those in `alerts`, and remembers the last of
   * them. False when it is not open any more, or another worker has seen to one of them; then nothing was written.
   */
  count(incident: string, counting: { alertIds: string[]; alerts: Alert[]; repeatCount: number }): Promise<boolean>;
  /** Appends on `head`; throws Stale when it has moved. */
  append(incident: string, head: Head, event: IncidentEvent, options: AppendOptions): Promise<AppendResult>;
  /** What would refuse a start with these conditions now; `append` decides it again, and for good. Writes nothing. */
  wouldRefuse(start: StartConditions): Promise<StartRefusal | undefined>;
  /** Newest first. */
  list(query: IncidentQuery): Promise<{ ids: string[]; next?: string }>;
  openIncidents(): Promise<string[]>;
  /** The open incidents of a server (short name). */
  openOn(server: string): Promise<{ incident: string; family: string }[]>;
  /** Entries after an id ('' = from now on), as they happen, until the signal. */
  feed(after: string, signal: AbortSignal): AsyncIterable<FeedItem>;
}
