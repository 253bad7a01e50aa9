import { randomBytes } from 'node:crypto';
import { ExchangeError } from '../../ports/exchange.ts';
import type { Driver } from './drivers/driver.ts';
import { endNow, endTree, TREE_MARK } from './process-tree.ts';
import { encoded, excerpt, isRecord, type PowerShellReply, readReply } from './wire.ts';

export interface ShellOptions {
  driver: Driver;
  executable: string;
  /** What stands before PowerShell's own switches: the way to it, where the executable is not PowerShell but leads there. */
  arguments?: readonly string[];
  /** What it finds in its environment besides the daemon's. */
  environment?: Readonly<Record<string, string>>;
  modules: readonly string[];
  /** A function of the modules that closes what the others have opened. */
  farewell?: string | undefined;
  /** A process that the shell must not outlive, also when it is busy: the daemon. On another machine that number is somebody else's. */
  watch?: number | undefined;
  /** Milliseconds until it must have loaded its modules. */
  startLimit: number;
  /** Bytes that it may write while it answers one request. */
  replyLimit: number;
}

/** What a shell says of itself once its modules are loaded. */
export interface ShellFacts {
  /** `5.1.20348.1`, `7.6.9`. */
  version: string;
  /** `Desktop` is Windows PowerShell, `Core` PowerShell 7. */
  edition: string;
  functions: string[];
}

/** One process. It answers one request at a time; what it is asked after a failure, nobody knows: end it. */
export class Shell {
  /** Requests it has answered. */
  answered = 0;
  /** Aborted when the process is gone or not to be trusted any more; the reason is an ExchangeError that says why. */
  readonly #over = new AbortController();
  readonly #gone = new Promise<void>((resolve) => {
    this.#over.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  readonly #mark = randomBytes(12).toString('hex');
  readonly #driven;
  readonly #options: ShellOptions;
  #busy = false;
  /** Something was asked since the last farewell, and so something may be open. */
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
    // Whoever writes to a shell that is dying hears of it from its end.
    child.stdin?.on('error', () => {});
    child.stdout?.on('data', (chunk: Buffer | string) => this.#count(chunk.length));
    child.stderr?.on('data', (chunk: Buffer | string) => {
      this.#complaints = (this.#complaints + chunk).slice(-2_000);
    });
  }

  /** Throws ExchangeError `unreachable` when there is none to be had, with what it said. */
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

  /** What it wrote to its error stream last, as evidence. */
  get complaints(): string {
    return excerpt(this.#complaints);
  }

  /**
   * Asks what `encoded` made of a request. Settles at the latest when the process is gone, or when it is killed. A shell that works on
   * it for longer than `limit` ms, and a second, ends by itself: there may be nobody left who could end it.
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
   * Has the farewell said, unless nothing was asked since the last one. Where it fails, or takes more than `grace` ms, the shell is
   * ended: with it goes what it had open.
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

  /** Lets it go in good order: a farewell, and the end of its input. Ends it after `grace` ms, and at once when it is busy. */
  async stop(grace: number): Promise<void> {
    if (!this.#busy) await this.#within(grace, this.#leave(grace));
    await this.kill();
  }

  /** Ends it, now, and all it has started. What was asked of it fails. Resolves when they are gone. */
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

  /** A shell that is not done in time is not to be trusted any more: whatever waits for it fails. */
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

/** Without the daemon's own secrets, and without the escapes that some terminals are sent. */
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
  // Found out at the first farewell, it would have cost a session already.
  if (farewell !== undefined && !functions.some((name) => name.toLowerCase() === farewell.toLowerCase())) {
    throw new ExchangeError('badReply', `No module has the function ${farewell} that closes its sessions.`);
  }
  return { version: String(value.version), edition: String(value.edition), functions };
}
