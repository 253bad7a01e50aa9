/**
 * The only interfaces the shell knows. Each has two sides behind one contract suite in test/contracts: Exchange (lab,
 * PowerShell), Store (redis, memory), Wakeups (BullMQ, memory).
 */
import type { Alert, Instant } from './incident/alert.ts';
import type { ByPerson, Entry, IncidentEvent } from './incident/event.ts';
import type { ServerFacts } from './incident/health.ts';
import type { CountedAlerts } from './incident/incident.ts';
import type { Mode } from './incident/plan.ts';
import type { PlaybookRun } from './incident/runs.ts';
import type { Settle } from './incident/traces.ts';
import type { UndoDebt } from './incident/undo.ts';
import type { IncidentView } from './incident/view.ts';

export type { PlaybookRun } from './incident/runs.ts';

// ---------------------------------------------------------------------------------------------------------- Exchange

/** Every failure of a call to Exchange is one of these; the server's own words are kept beside it for the journal. */
export const EXCHANGE_FAILURES = [
  'unreachable',
  'accessDenied',
  'sessionLimit',
  'timedOut',
  'refused',
  'notFound',
  'badReply',
  'unknown',
] as const;
export type ExchangeFailure = (typeof EXCHANGE_FAILURES)[number];

export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly code: ExchangeFailure;
  constructor(code: ExchangeFailure, serversOwnWords: string) {
    super(serversOwnWords);
    this.code = code;
  }
}

/** The kill switch was on at the last moment: nothing was sent. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

export interface CallOptions {
  /** Real milliseconds after which the call fails with `timedOut`. */
  timeLimit?: number;
  signal?: AbortSignal;
}

export interface Reply<T> {
  value: T;
  /** Exchange cmdlets report many failures as warnings. */
  warnings: string[];
}

/** What every changing call carries: the far side compares and acts under one mutex, and refuses what comes too late. */
export interface Change {
  /** On the organisation's clock; a command that arrives later is refused. */
  notAfter: Instant;
  /** Who asks: `<incident id> step <n>`; goes to the lab's command log and the real one's audit. */
  caller: string;
  /** What the kill switch is asked about, immediately before the command is sent. */
  scope: KillScope[];
}

/** `changed`: it took effect now. `already`: the fence says that it took effect before; nothing was done. */
export interface Changed {
  effect: 'changed' | 'already';
  says?: string;
}

/** One row of Get-ServerHealth. The key is (healthSet, name, targetResource): names repeat. */
export interface HealthRow {
  healthSet: string;
  name: string;
  targetResource: string;
  alertValue:
    | 'Healthy'
    | 'Degraded'
    | 'Unhealthy'
    | 'Repairing'
    | 'Disabled'
    | 'Unavailable'
    | 'UnInitialized'
    | 'Unknown';
  /** Exchange's `ServerComponentName`: `ImapProxy`, or `None`. */
  component: string;
  lastTransition?: Instant;
  /** When the monitor last evaluated. */
  lastExecution?: Instant;
  /**
   * Exchange's `RecurranceInterval` (sic), in seconds. 0: no clock drives the monitor; a notification or a check sets it,
   * and its row is the present state. Absent: the server did not say.
   */
  recurrenceSeconds?: number;
  timeoutSeconds: number;
  isStale: boolean;
}

/** What Invoke-MonitoringProbe answered. */
export interface ProbeResult {
  /** 1 TimedOut, 2 Poisoned, 3 Succeeded, 4 Failed, 5 Quarantined, 6 Rejected; only Succeeded clears. */
  resultType: 'Abandoned' | 'TimedOut' | 'Poisoned' | 'Succeeded' | 'Failed' | 'Quarantined' | 'Rejected';
  error: string;
  exception: string;
  startedAt: Instant;
  endedAt: Instant;
}

export interface ServiceState {
  name: string;
  status: 'Running' | 'Stopped' | 'StartPending' | 'StopPending';
  startType: 'Automatic' | 'Manual' | 'Disabled';
  /** When its process started; absent while it is stopped. The fence of a restart. */
  startedAt?: Instant;
}

/** One row of Get-MailboxDatabaseCopyStatus. */
export interface DatabaseCopy {
  database: string;
  server: string;
  /** As Exchange writes it: Mounted, Mounting, Dismounted, Dismounting (these four are active), Healthy, Failed … */
  status: string;
  /** Copies of this database in all; 1 never leaves its server. */
  copies: number;
  copyQueueLength: number;
  replayQueueLength: number;
  activationSuspended: boolean;
  lagged: boolean;
  /** Why the last move of it failed, in the server's own words. */
  error?: string;
}

/** The part of Get-MailboxServer that decides about activation. */
export interface MailboxServer {
  server: string;
  /** DatabaseCopyActivationDisabledAndMoveNow. */
  activationBlocked: boolean;
  autoActivationPolicy: 'Unrestricted' | 'IntrasiteOnly' | 'Blocked';
  maximumActiveDatabases?: number;
}

/** Get-DatabaseAvailabilityGroup -Status. */
export interface AvailabilityGroup {
  name: string;
  members: { server: string; site: string; up: boolean; suspended: boolean }[];
  witness?: { server: string; up: boolean };
}

export interface ProtocolLog {
  enabled: boolean;
  /** Folder on that server. */
  location: string;
}

export interface ComponentState {
  component: string;
  state: 'Active' | 'Inactive' | 'Draining' | 'Unknown';
  /** One entry for each requester; Inactive by any of them wins. */
  requesters: { requester: string; state: 'Active' | 'Inactive' | 'Draining' }[];
}

/** What Managed Availability has done or is doing (RecoveryActionResults). */
export interface RecoveryAction {
  action: string;
  resource: string;
  requester: string;
  state: 'started' | 'finished';
  result?: 'succeeded' | 'failed' | 'throttled';
  startedAt: Instant;
  endedAt?: Instant;
}

/** What else goes on on a server: a restart would tear it apart, or take long because of it. */
export interface ServerActivity {
  kind: 'setup' | 'servicing' | 'backup' | 'seeding' | 'pending-update';
  /** In words: `TiWorker.exe runs`. */
  says: string;
}

export interface Organisation {
  /** Changes when a lab is reset; a real one's own guid. */
  id: string;
  servers: ServerFacts[];
}

export type Protocol = 'imap' | 'pop';

/** Verbs of the domain, not scripts. Every server is a short name that stands in `organisation()`. */
export interface Exchange {
  organisation(options?: CallOptions): Promise<Reply<Organisation>>;
  /** Get-ServerHealth: every row of the server, stale ones included. */
  serverHealth(server: string, options?: CallOptions): Promise<Reply<HealthRow[]>>;
  /** Invoke-MonitoringProbe. A refused probe is a warning and no object: `value` is undefined, never a success. */
  invokeProbe(server: string, identity: string, options?: CallOptions): Promise<Reply<ProbeResult | undefined>>;
  /** Get-Service of one service; fails with `notFound` where it is not installed. */
  service(server: string, name: string, options?: CallOptions): Promise<Reply<ServiceState>>;
  /** All Exchange services. */
  services(server: string, options?: CallOptions): Promise<Reply<ServiceState[]>>;
  restartService(
    server: string,
    name: string,
    fence: { startedAt: Instant | null },
    change: Change,
    options?: CallOptions,
  ): Promise<Reply<Changed>>;
  /** Copies on this server; never called without one (Exchange would answer for the whole organisation). */
  copiesOn(server: string, options?: CallOptions): Promise<Reply<DatabaseCopy[]>>;
  /** All copies of one database. */
  copiesOf(database: string, options?: CallOptions): Promise<Reply<DatabaseCopy[]>>;
  mailboxServer(server: string, options?: CallOptions): Promise<Reply<MailboxServer>>;
  availabilityGroup(name: string, options?: CallOptions): Promise<Reply<AvailabilityGroup>>;
  /** Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow. Returns at once, the moves follow. */
  setActivationBlocked(
    server: string,
    blocked: boolean,
    fence: { activationBlocked: boolean },
    change: Change,
    options?: CallOptions,
  ): Promise<Reply<Changed>>;
  protocolLog(server: string, protocol: Protocol, options?: CallOptions): Promise<Reply<ProtocolLog>>;
  /** Set-ImapSettings -ProtocolLogEnabled (or Set-PopSettings), always with -Server. */
  setProtocolLog(
    server: string,
    protocol: Protocol,
    enabled: boolean,
    fence: { enabled: boolean },
    change: Change,
    options?: CallOptions,
  ): Promise<Reply<Changed>>;
  componentStates(server: string, options?: CallOptions): Promise<Reply<ComponentState[]>>;
  recoveryActions(server: string, since: Instant, options?: CallOptions): Promise<Reply<RecoveryAction[]>>;
  /** Exchange setup, Windows servicing, backups, seeding, updates that wait for a reboot. Empty: nothing of the kind. */
  activity(server: string, options?: CallOptions): Promise<Reply<ServerActivity[]>>;
  /** Win32_OperatingSystem.LastBootUpTime: the fence of a reboot. Fails with `unreachable` while the server is down. */
  bootTime(server: string, options?: CallOptions): Promise<Reply<{ bootedAt: Instant; uptimeSeconds: number }>>;
  restartServer(
    server: string,
    fence: { bootedAt: Instant },
    change: Change,
    options?: CallOptions,
  ): Promise<Reply<Changed>>;
}

/** The port's calls that change something, each with the cmdlet it stands for (the lab's log and the metrics use it). */
export const CHANGING_CALLS = {
  restartService: 'Restart-Service',
  setActivationBlocked: 'Set-MailboxServer',
  setProtocolLog: 'Set-ImapSettings',
  restartServer: 'Restart-Computer',
} as const;

export const READING_CALLS = {
  organisation: 'Get-ExchangeServer',
  serverHealth: 'Get-ServerHealth',
  invokeProbe: 'Invoke-MonitoringProbe',
  service: 'Get-Service',
  services: 'Get-Service',
  copiesOn: 'Get-MailboxDatabaseCopyStatus',
  copiesOf: 'Get-MailboxDatabaseCopyStatus',
  mailboxServer: 'Get-MailboxServer',
  availabilityGroup: 'Get-DatabaseAvailabilityGroup',
  protocolLog: 'Get-ImapSettings',
  componentStates: 'Get-ServerComponentState',
  recoveryActions: 'Get-WinEvent',
  activity: 'Get-Process',
  bootTime: 'Get-CimInstance',
} as const;

// -------------------------------------------------------------------------------------------------------- Inspection

/**
 * The way to a real organisation, looked at from outside: for `doctor`. It changes nothing, and tries nothing again. Each call
 * fails as those of `Exchange` do.
 */
export interface Inspection {
  /** Servers for the sessions with Exchange, in the order in which they are tried. */
  readonly endpoints: readonly string[];
  /** What starts PowerShell, and what is started, as it would be typed. */
  readonly driver: string;
  readonly started: string;
  shell(options?: CallOptions): Promise<ShellLook>;
  /** A session with this endpoint and no other. */
  endpoint(endpoint: string, options?: CallOptions): Promise<EndpointLook>;
  /** The Windows channel of a server. */
  target(server: ServerFacts, options?: CallOptions): Promise<TargetLook>;
}

/** Where PowerShell runs, and as whom. */
export interface ShellLook {
  /** `5.1.20348.1`, `7.6.9`. */
  version: string;
  /** `Desktop` is Windows PowerShell, `Core` PowerShell 7. */
  edition: string;
  windows: boolean;
  /** The name of its machine. */
  machine: string;
  /** As whom it goes to the servers; absent where `credentialTrouble` says why nobody knows. */
  account?: string;
  credentialTrouble?: string;
  /** Milliseconds by which its local time is ahead of UTC. */
  utcOffset: number;
  /** Milliseconds by which its clock is ahead of the organisation's time as it is known here. */
  ahead: number;
}

/** Names of commands that are used and not offered: those that look, and those that change something. */
export interface MissingCommands {
  looks: string[];
  changes: string[];
}

export interface EndpointLook {
  /** Milliseconds until a session was open. */
  openedAfter: number;
  missing: MissingCommands;
}

export interface TargetLook {
  /** Milliseconds until a session was open. */
  openedAfter: number;
  missing: MissingCommands;
  /** Milliseconds by which its clock is ahead of the one where PowerShell runs, give or take `within`; absent where it did not tell. */
  clock?: { ahead: number; within: number };
}

// ------------------------------------------------------------------------------------------------------------- Clock

export interface Clock {
  /** The organisation's time. */
  now(): Instant;
  /** Organisation milliseconds in one real millisecond: 1, or `lab.speed`. */
  readonly speed: number;
  /** Which organisation's time this is; changes when a lab is reset. */
  readonly epoch: string;
}

// ------------------------------------------------------------------------------------------------------------- Store

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
  trouble?: { world: string; server: string; seen: string[]; gone: string[] };
  /** Set with `attached`: takes the alerts from the pending index. */
  attaching?: { alertIds: string[] };
  /** Set with `stepStarted` of a changing step (and `undoStarted`): all must hold, or nothing is written. */
  start?: StartConditions;
  /** Undo debts to enter in the ledger; one that stands there already stays as it is (its value is the first found). */
  owe?: { debt: UndoDebt; incident: string; world: string }[];
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
  world: string;
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

/** What a switched-on kill switch applies to; everything when it names nothing. */
export interface KillScope {
  playbook?: string;
  server?: string;
  group?: string;
}

export interface KillSwitch {
  on: boolean;
  scope: KillScope;
  by: string;
  reason: string;
  since: Instant;
}

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
  debt: UndoDebt;
  incident: string;
  world: string;
  at: Instant;
}

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

export interface StoreHealth {
  up: boolean;
  /** `redis`, `private redis`, `memory`. */
  kind: string;
  /** What a person should know: durability, eviction. */
  warnings: string[];
  says: string;
}

/** A store as it is found from outside, where nothing is started, made or written for it. */
export type StoreLook =
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

/** Journals, indexes, claims, alerts, kill switch. Two sides: redis and memory. */
export interface Store {
  // -- alerts
  /** Records each alert, its mark and its place in the pending index in one script; resolves once all are safe, or throws. */
  accept(alerts: Alert[], retentionMs: number): Promise<AcceptedAlert[]>;
  /** The record of an accepted alert that was not correlated yet, and whether its identity had been seen before. */
  pendingAlert(id: string): Promise<{ alert: Alert; repeat: boolean } | undefined>;
  /** The oldest accepted alerts that were not correlated yet and were received before `before` (real ms). */
  pendingAlerts(before: number, limit: number): Promise<string[]>;
  /** Drops an alert that changes nothing (a `resolved` with no open incident, a repeat). */
  dropPending(id: string): Promise<void>;
  correlate(key: string, server: string, world: string, nowMs: number): Promise<Correlation>;
  /** When the last incident with that key ended (real ms), and the highest RepeatCount it knew. */
  lastOutcome(key: string, world: string): Promise<{ at: number; repeatCount: number } | undefined>;
  /** The incidents with that key that recovered since then (organisation time), oldest first; at most the last 50. */
  recoveries(key: string, world: string, since: Instant): Promise<string[]>;

  // -- journals
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

  // -- advancing
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

  // -- shared state
  killSwitches(): Promise<KillSwitch[]>;
  /** Throws NotCopied when it was done, and a failover could forget it. */
  setKillSwitch(change: KillSwitch): Promise<void>;
  ledger(): Promise<LedgerEntry[]>;
  ledgerOf(server: string, setting: string, world: string): Promise<LedgerEntry | undefined>;

  // -- what incidents learn from each other
  /** The servers that were seen with any of these troubles since then (organisation time). */
  troubled(world: string, troubles: string[], since: Instant): Promise<string[]>;
  /**
   * The one incident that speaks for a matter: this one, unless another was first; without one, whoever does already. It
   * does so until nobody has asked for `ms` (real).
   */
  spokesman(world: string, matter: string, incident: string | undefined, ms: number): Promise<string | undefined>;
  /** The last runs of a playbook, newest first, at most 20; and when a person has trusted it anew. */
  runs(world: string, playbook: string): Promise<{ runs: PlaybookRun[]; trusted?: Trust }>;
  trust(world: string, playbook: string, trust: Trust): Promise<void>;

  // -- the feed of all journals
  /** Entries after an id ('' = from now on), as they happen, until the signal. */
  feed(after: string, signal: AbortSignal): AsyncIterable<FeedItem>;

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

// ----------------------------------------------------------------------------------------------------------- Wakeups

/** Nudges, and only that: the journal is the truth, and a nudge that is lost is found again by a sweep. */
export interface Wakeups {
  /** Have an accepted alert correlated. */
  alerts(ids: string[]): Promise<void>;
  /**
   * Have an incident advanced, now or after a delay in real ms. Of what waits for a worker the lowest `priority` (0 to 99)
   * comes first, and what has none before all: somebody waits for it, or it is late already.
   */
  incident(id: string, delayMs?: number, priority?: number): Promise<void>;
  /** Begins to work. Resolves once workers are ready. */
  work(
    handlers: { alert(id: string): Promise<void>; incident(id: string): Promise<void> },
    concurrency: { alerts: number; incidents: number },
  ): Promise<void>;
  /** What the queues were refused, in their server's own words, and have not been seen to do since; undefined: nothing. */
  refusal(): Promise<string | undefined>;
  /** Jobs by queue and state. */
  counts(): Promise<{ queue: string; state: string; jobs: number }[]>;
  /** Stops taking work, waits for what is in hand (at most `graceMs`), closes. */
  close(graceMs: number): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------- Notifier

export interface Notice {
  /** Sent at least once; receivers drop repeats of one key: `<incident>:<n>`. */
  key: string;
  kind: 'escalation' | 'notice';
  incident: string;
  subject: string;
  text: string;
}

export interface Notifier {
  readonly channel: string;
  send(notice: Notice): Promise<void>;
}

// -------------------------------------------------------------------------------------------------------- Operations

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
  /** The last time that a person trusted it anew. */
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
