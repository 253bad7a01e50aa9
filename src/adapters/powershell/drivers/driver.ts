import type { ChildProcess } from 'node:child_process';

export interface Launch {
  /** The program: a name on the PATH, or a path. */
  executable: string;
  /** What stands before PowerShell's own switches; only `child_process` can place it. */
  arguments: readonly string[];
  environment: NodeJS.ProcessEnv;
}

/** A shell that has been given the bootstrap. How its process is watched and ended is the same for all drivers. */
export interface Driven {
  readonly process: ChildProcess;
  /**
   * Sends one request line and resolves with what the shell wrote to its output from then until its answer ended. May resolve
   * with less, reject, or never settle when the shell dies or misbehaves: whoever asks has a time limit and watches the process.
   */
  ask(line: string, nonce: string): Promise<string>;
}

export type Driver = (launch: Launch) => Driven;

/** What every shell is told, besides what makes it take the bootstrap. */
export const SWITCHES = {
  '-NoLogo': true,
  '-NoProfile': true,
  '-NonInteractive': true,
  '-ExecutionPolicy': 'RemoteSigned',
  // Else a script that comes encoded has its error stream written as XML.
  '-InputFormat': 'Text',
  '-OutputFormat': 'Text',
} as const;
