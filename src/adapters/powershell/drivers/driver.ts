import type { ChildProcess } from 'node:child_process';

export interface Launch {
  /** The program: a name on the PATH, or a path. */
  executable: string;
  /** Arguments before PowerShell's own; only `child_process` supports them. */
  arguments: readonly string[];
  environment: NodeJS.ProcessEnv;
}

/** A shell that has received the bootstrap. All drivers watch and kill its process in the same way. */
export interface Driven {
  readonly process: ChildProcess;
  /**
   * Sends one request line and resolves with the output of the shell until the end of its answer. May resolve with less, reject, or
   * never settle if the shell dies or misbehaves, so the caller has a time limit and watches the process.
   */
  ask(line: string, nonce: string): Promise<string>;
}

export type Driver = (launch: Launch) => Driven;

/** Arguments of every shell, in addition to those for the bootstrap. */
export const SWITCHES = {
  '-NoLogo': true,
  '-NoProfile': true,
  '-NonInteractive': true,
  '-ExecutionPolicy': 'RemoteSigned',
  // Otherwise an encoded script writes its error stream as XML.
  '-InputFormat': 'Text',
  '-OutputFormat': 'Text',
} as const;
