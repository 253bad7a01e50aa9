import { randomBytes } from 'node:crypto';
import { ExchangeError } from '../../ports/exchange.ts';
import type { Driver } from './drivers/driver.ts';
import { endNow, endTree, TREE_MARK } from './process-tree.ts';
import { encoded, excerpt, isRecord, type PowerShellReply, readReply } from './wire.ts';

export interface ShellOptions {
  driver: Driver;
  executable: string;
  /** Arguments before PowerShell's own, if the executable is not PowerShell but starts it. */
  arguments?: readonly string[];
  /** Environment variables in addition to the daemon's. */
  environment?: Readonly<Record<string, string>>;
  modules: readonly string[];
  /** A function of the modules that closes what others have left open. */
  farewell?: string | undefined;
  /** Process id of the daemon, which the shell must not outlive, even if it is busy. Not used on another machine. */
  watch?: number | undefined;
  /** Time limit to load its modules, in milliseconds. */
  startLimit: number;
  /** Maximum output for one request, in bytes. */
  replyLimit: number;
}

/** Version of a shell, which it reports when its modules are loaded. */
export interface ShellFacts {
  /** `5.1.20348.1`, `7.6.9`. */
  version: string;
  /** `Desktop` is Windows PowerShell, `Core` PowerShell 7. */
  edition: string;
  functions: string[];
}

/** One PowerShell process. It answers one request at a time. After a failure its state is unknown, so it must be killed. */
export class Shell {
  /** Number of answered requests. */
  answered = 0;
  /** Aborted when the process has exited or is unusable; the reason is an ExchangeError. */
  readonly #over = new AbortController();
  readonly #gone = new Promise<void>((resolve) => {
    this.#over.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  readonly #mark = randomBytes(12).toString('hex');
  readonly #driven;
  readonly #options: ShellOptions;
  #busy = false;
  /** There was a request since the last farewell, so something may be open. */
  #open = false;
  #written = 0;
  #complaints = '';

  private constructor(options: ShellOptions) {
    this.#options = options;
    this.#driven = options.driver({
      executable: options.executable,
      arguments: options.arguments ?? [],
      environment: environmentWith(this.#mark, options.environment),
    });
    const { process: child } = this.#driven;
    child.once('exit', (code, signal) => {
      this.#fail('badReply', `PowerShell exited (${signal ?? `exit code ${code}`}).${this.complaints}`);
    });
    child.once('error', (error) => {
      this.#fail('unreachable', `${options.executable} can't be started: ${error.message}`);
    });
    // A failed write to a dying shell is reported by its exit.
    child.stdin?.on('error', () => {});
    child.stdout?.on('data', (chunk: Buffer | string) => this.#count(chunk.length));
    child.stderr?.on('data', (chunk: Buffer | string) => {
      this.#complaints = (this.#complaints + chunk).slice(-2_000);
    });
  }

  /** Throws ExchangeError `unreachable` with its output if it can't be started. */
  static async start(options: ShellOptions): Promise<{ shell: Shell; facts: ShellFacts }> {
    const { modules, watch, startLimit } = options;
    const shell = new Shell(options);
    try {
      const ready = shell.#exchange(encoded({ modules, watch }), startLimit);
      const { value } = await shell.#within(startLimit, ready);
      return { shell, facts: factsIn(value[0], options.farewell) };
    } catch (error) {
      await shell.kill();
      if (!(error instanceof ExchangeError)) throw error;
      throw new ExchangeError('unreachable', `PowerShell did not start. ${error.message}`);
    }
  }

  get over(): boolean {
    return this.#over.signal.aborted;
  }

  /** The end of its error output, for messages. */
  get complaints(): string {
    return excerpt(this.#complaints);
  }

  /**
   * Sends a request made by `encoded`. Settles at the latest when the process exits or is killed. A shell that works on it for more
   * than `limit` ms plus a second exits, because the daemon may no longer exist to kill it.
   */
  async ask(request: string, limit?: number): Promise<PowerShellReply> {
    this.#open = true;
    try {
      return await this.#exchange(request, limit);
    } finally {
      this.answered += 1;
    }
  }

  /**
   * Calls the farewell, unless there was no request since the last one. If it fails or takes more than `grace` ms, the shell is killed,
   * which also closes its sessions.
   */
  async part(grace: number): Promise<void> {
    const { farewell } = this.#options;
    if (farewell === undefined || !this.#open || this.over) return;
    try {
      await this.#within(grace, this.#exchange(encoded({ function: farewell, arguments: {} }), grace));
      this.#open = false;
    } catch {
      await this.kill();
    }
  }

  /** Closes it: calls the farewell and ends its input. Kills it after `grace` ms, or immediately if it is busy. */
  async stop(grace: number): Promise<void> {
    if (!this.#busy) await this.#within(grace, this.#leave(grace));
    await this.kill();
  }

  /** Kills it and its child processes. The request in progress fails. Resolves when they have exited. */
  async kill(): Promise<void> {
    this.#fail('unreachable', 'PowerShell was stopped.');
    const { pid } = this.#driven.process;
    if (process.platform !== 'win32' && this.#driven.process.exitCode === null) endNow(pid);
    await endTree(pid, this.#mark);
  }

  async #leave(grace: number): Promise<void> {
    await this.part(grace);
    this.#driven.process.stdin?.end();
    await this.#gone;
  }

  async #exchange(request: string, limit?: number): Promise<PowerShellReply> {
    const nonce = randomBytes(16).toString('hex');
    this.#written = 0;
    this.#complaints = '';
    this.#busy = true;
    try {
      const line = [nonce, request, ...(limit === undefined ? [] : [Math.ceil(limit)])].join(' ');
      return readReply(nonce, await this.#untilOver(this.#driven.ask(line, nonce)));
    } finally {
      this.#busy = false;
    }
  }

  /** After a time-out the shell is unusable, and everything that waits for it fails. */
  async #within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
    const words = `PowerShell was not ready within ${milliseconds} ms.`;
    const late = setTimeout(() => this.#fail('unreachable', `${words}${this.complaints}`), milliseconds);
    try {
      return await work;
    } finally {
      clearTimeout(late);
    }
  }

  #fail(code: 'badReply' | 'unreachable', words: string): void {
    this.#over.abort(new ExchangeError(code, words));
  }

  #count(bytes: number): void {
    this.#written += bytes;
    if (this.#written <= this.#options.replyLimit) return;
    this.#fail('badReply', `PowerShell wrote more than ${this.#options.replyLimit} bytes.`);
    endNow(this.#driven.process.pid);
  }

  #untilOver(answer: Promise<string>): Promise<string> {
    const { signal } = this.#over;
    return new Promise((resolve, reject) => {
      const over = () => reject(signal.reason);
      if (signal.aborted) return over();
      signal.addEventListener('abort', over, { once: true });
      const heard = () => signal.removeEventListener('abort', over);
      answer.then(resolve, () => resolve('')).finally(heard);
    });
  }
}

/** Without the daemon's secrets and without escape sequences for terminals. */
function environmentWith(mark: string, added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = /^(SECOND_RESPONDER_|REDIS_URL$)/i;
  const inherited = Object.entries(process.env).filter(([name]) => !own.test(name));
  return {
    ...Object.fromEntries(inherited),
    ...added,
    [TREE_MARK]: mark,
    TERM: 'dumb',
    NO_COLOR: '1',
    POWERSHELL_TELEMETRY_OPTOUT: '1',
    POWERSHELL_UPDATECHECK: 'Off',
  };
}

function factsIn(value: unknown, farewell: string | undefined): ShellFacts {
  if (!isRecord(value)) throw new ExchangeError('badReply', 'It did not report its version.');
  const functions = Array.isArray(value.functions) ? value.functions.map(String).sort() : [];
  // Checked at start, because at the first farewell a session would already be lost.
  if (farewell !== undefined && !functions.some((name) => name.toLowerCase() === farewell.toLowerCase())) {
    throw new ExchangeError('badReply', `No module has the function ${farewell} that closes its sessions.`);
  }
  return { version: String(value.version), edition: String(value.edition), functions };
}
