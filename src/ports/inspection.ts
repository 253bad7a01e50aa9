import type { ServerFacts } from '../incident/health.ts';
import type { CallOptions } from './exchange.ts';

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
  shell(options?: CallOptions): Promise<ShellFacts>;
  /** A session with this endpoint and no other. */
  endpoint(endpoint: string, options?: CallOptions): Promise<EndpointFacts>;
  /** The Windows channel of a server. */
  target(server: ServerFacts, options?: CallOptions): Promise<TargetFacts>;
}

/** Where PowerShell runs, and as whom. */
export interface ShellFacts {
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

export interface EndpointFacts {
  /** Milliseconds until a session was open. */
  openedAfter: number;
  missing: MissingCommands;
}

export interface TargetFacts {
  /** Milliseconds until a session was open. */
  openedAfter: number;
  missing: MissingCommands;
  /** Milliseconds by which its clock is ahead of the one where PowerShell runs, give or take `within`; absent where it did not tell. */
  clock?: { ahead: number; within: number };
}
