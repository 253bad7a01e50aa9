import type { Instant } from '../incident/alert.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { KillScope } from './kill-switch.ts';
/** Codes of all failures of a call to Exchange; the message is the server's own, for the journal. */
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
  constructor(code: ExchangeFailure, message: string) {
    super(message);
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

/** Sent with every changing call. The target compares and acts under one mutex, and refuses late commands. */
export interface Change {
  /** On the organisation's clock; the target refuses a command that arrives later. */
  notAfter: Instant;
  /** The caller: `<incident id> step <n>`; appears in the lab's command log and in Exchange's audit log. */
  caller: string;
  /** The scope for which the kill switch is checked, immediately before the command is sent. */
  scope: KillScope[];
}

/** `changed`: it took effect now. `already`: the fence shows that it took effect before; nothing was done. */
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
   * Exchange's `RecurranceInterval` (sic), in seconds. 0: notifications or checks set the monitor, and the row is its
   * present state. Absent: not reported.
   */
  recurrenceSeconds?: number;
  timeoutSeconds: number;
  isStale: boolean;
}

/** What Invoke-MonitoringProbe answered. */
export interface ProbeResult {
  /** 1 TimedOut, 2 Poisoned, 3 Succeeded, 4 Failed, 5 Quarantined, 6 Rejected; only Succeeded means healthy. */
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
  /** When its process started; absent while stopped. The fence of a restart. */
  startedAt?: Instant;
}

/** One row of Get-MailboxDatabaseCopyStatus. */
export interface DatabaseCopy {
  database: string;
  server: string;
  /** Exchange's own word: Mounted, Mounting, Dismounted, Dismounting (these four are active), Healthy, Failed … */
  status: string;
  /** Number of copies of this database; with 1 it can't leave its server. */
  copies: number;
  copyQueueLength: number;
  replayQueueLength: number;
  activationSuspended: boolean;
  lagged: boolean;
  /** Why its last move failed, in the server's own words. */
  error?: string;
}

/** The fields of Get-MailboxServer that affect activation. */
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
  /** One entry per requester; a single Inactive wins. */
  requesters: { requester: string; state: 'Active' | 'Inactive' | 'Draining' }[];
}

/** A recovery action of Managed Availability (RecoveryActionResults). */
export interface RecoveryAction {
  action: string;
  resource: string;
  requester: string;
  state: 'started' | 'finished';
  result?: 'succeeded' | 'failed' | 'throttled';
  startedAt: Instant;
  endedAt?: Instant;
}

/** Something running on a server that a restart would interrupt, or that would prolong it. */
export interface ServerActivity {
  kind: 'setup' | 'servicing' | 'backup' | 'seeding' | 'pending-update';
  /** For people: `TiWorker.exe runs`. */
  says: string;
}

export interface Organisation {
  /** Changes when a lab is reset; in a real organisation, its guid. */
  id: string;
  servers: ServerFacts[];
}

/** A script of the admin, which the server has. */
export interface ScriptFile {
  /** `clear-cache.ps1`. */
  name: string;
  /** Of its content, in lower-case hex digits. */
  sha256: string;
}

export interface ScriptOrder extends ScriptFile {
  parameters: Record<string, string | number | boolean>;
  /** The server stops it after this (organisation's ms). */
  timeLimit: number;
  /** Whether a run that was interrupted may start again. */
  repeat: boolean;
}

export interface ScriptState {
  /** The server's file, compared with the one that is meant. */
  file: 'same' | 'different' | 'missing';
  /** What became of one run. `interrupted`: it neither runs nor ended. */
  run: 'none' | 'running' | 'succeeded' | 'failed' | 'interrupted';
  /** The end of what it wrote. */
  output?: string;
}

export type Protocol = 'imap' | 'pop';

/** Operations of the domain, not scripts. Every `server` is a short name from `organisation()`. */
export interface Exchange {
  organisation(options?: CallOptions): Promise<Reply<Organisation>>;
  /** Get-ServerHealth: every row of the server, stale ones included. */
  serverHealth(server: string, options?: CallOptions): Promise<Reply<HealthRow[]>>;
  /** Invoke-MonitoringProbe. A refused probe is a warning and no object: `value` is undefined, never a success. */
  invokeProbe(server: string, identity: string, options?: CallOptions): Promise<Reply<ProbeResult | undefined>>;
  /** Get-Service of one service; fails with `notFound` if it is not installed. */
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
  /** Copies on this server. The server is required: without one, Exchange answers for the whole organisation. */
  copiesOn(server: string, options?: CallOptions): Promise<Reply<DatabaseCopy[]>>;
  /** All copies of one database. */
  copiesOf(database: string, options?: CallOptions): Promise<Reply<DatabaseCopy[]>>;
  mailboxServer(server: string, options?: CallOptions): Promise<Reply<MailboxServer>>;
  availabilityGroup(name: string, options?: CallOptions): Promise<Reply<AvailabilityGroup>>;
  /** Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow. Returns immediately; the moves follow. */
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
  /** Exchange setup, Windows servicing, backups, seeding, pending updates. Empty if none is running. */
  activity(server: string, options?: CallOptions): Promise<Reply<ServerActivity[]>>;
  /** Win32_OperatingSystem.LastBootUpTime, the fence of a reboot. Fails with `unreachable` while the server is down. */
  bootTime(server: string, options?: CallOptions): Promise<Reply<{ bootedAt: Instant; uptimeSeconds: number }>>;
  restartServer(
    server: string,
    fence: { bootedAt: Instant },
    change: Change,
    options?: CallOptions,
  ): Promise<Reply<Changed>>;
  /** The script on the server, and what became of the run of that name. */
  script(server: string, file: ScriptFile, run: string, options?: CallOptions): Promise<Reply<ScriptState>>;
  /** Runs the server's own file, once for each `run`, if it is the one that is meant. Answers when the script has ended. */
  runScript(
    server: string,
    order: ScriptOrder,
    fence: { run: string },
    change: Change,
    options?: CallOptions,
  ): Promise<Reply<Changed>>;
}

/** Calls that change something, each with its cmdlet (for the lab's log and metrics). */
export const CHANGING_CALLS = {
  restartService: 'Restart-Service',
  setActivationBlocked: 'Set-MailboxServer',
  setProtocolLog: 'Set-ImapSettings',
  restartServer: 'Restart-Computer',
  runScript: 'Invoke-TargetScript',
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
  script: 'Get-TargetScript',
} as const;
