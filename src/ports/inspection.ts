import type { ServerFacts } from '../incident/health.ts';
import type { CallOptions } from './exchange.ts';

/**
 * The connection to a real organisation as `doctor` inspects it. Changes nothing and retries nothing. Calls fail like
 * those of `Exchange`.
 */
export interface Inspection {
  /** Servers for sessions with Exchange, in the order in which they are tried. */
  readonly endpoints: readonly string[];
  /** The driver that starts PowerShell, and the command line. */
  readonly driver: string;
  readonly started: string;
  shell(options?: CallOptions): Promise<ShellFacts>;
  /** A session with this endpoint and no other. */
  endpoint(endpoint: string, options?: CallOptions): Promise<EndpointFacts>;
  /** The Windows channel of a server. */
  target(server: ServerFacts, options?: CallOptions): Promise<TargetFacts>;
}

/** The machine and account that PowerShell runs on. */
export interface ShellFacts {
  /** `5.1.20348.1`, `7.6.9`. */
  version: string;
  /** `Desktop` is Windows PowerShell, `Core` PowerShell 7. */
  edition: string;
  windows: boolean;
  /** The name of its machine. */
  machine: string;
  /** The account used for the servers; absent if unknown, with the reason in `credentialTrouble`. */
  account?: string;
  credentialTrouble?: string;
  /** Milliseconds by which its local time is ahead of UTC. */
  utcOffset: number;
  /** Milliseconds by which its clock is ahead of the organisation's time as the daemon knows it. */
  ahead: number;
}

/** Names of required commands that are not available: those that only read, and those that change something. */
export interface MissingCommands {
  looks: string[];
  changes: string[];
}

export interface EndpointFacts {
  /** Milliseconds until a session was open. */
  openedAfter: number;
  missing: MissingCommands;
}

export interface TargetFacts {
  /** Milliseconds until a session was open. */
  openedAfter: number;
  missing: MissingCommands;
  /**
   * Milliseconds by which its clock is ahead of the one where PowerShell runs, plus or minus `within`; absent if not
   * reported.
   */
  clock?: { ahead: number; within: number };
}
