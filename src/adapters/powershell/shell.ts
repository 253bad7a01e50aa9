import { randomBytes } from 'node:crypto';
import { ExchangeError } from '../../ports.ts';
import type { Driver } from './drivers/driver.ts';
import { endNow, endTree, TREE_MARK } from './process-tree.ts';
import { encoded, excerpt, isRecord, type PowerShellReply, readReply } from './wire.ts';

export interface ShellOptions {
  driver: Driver;
  executable: string;
  modules: readonly string[];
  /** A process that the shell must not outlive, also when it is busy: the daemon. */
  watch: number;
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
  readonly #mark = randomBytes(12).toString('hex');
  readonly #driven;
  readonly #options: ShellOptions;
  readonly #gone: Promise<void>;
  #written = 0;
  #complaints = '';

  private constructor(options: ShellOptions) {
    this.#options = options;
    this.#driven = options.driver({ executable: options.executable, environment: environmentWith(this.#mark) });
    const { process: child } = this.#driven;
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#fail('badReply', `PowerShell ended (${signal ?? `exit code ${code}`}).${this.complaints}`);
        resolve();
      });
      child.once('error', (error) => {
        this.#fail('unreachable', `${options.executable} can't be started: ${error.message}`);
        if (child.pid === undefined) resolve();
      });
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
    const shell = new Shell(options);
    const late = setTimeout(() => {
      shell.#fail('unreachable', `PowerShell was not ready within ${options.startLimit} ms.${shell.complaints}`);
    }, options.startLimit);
    try {
      const { value } = await shell.ask(encoded({ modules: options.modules, watch: options.watch }));
      shell.answered = 0;
      return { shell, facts: factsIn(value[0]) };
    } catch (error) {
      await shell.kill();
      if (!(error instanceof ExchangeError)) throw error;
      throw new ExchangeError('unreachable', `PowerShell did not start. ${error.message}`);
    } finally {
      clearTimeout(late);
    }
  }

  get over(): boolean {
    return this.#over.signal.aborted;
  }

  /** What it wrote to its error stream last, as evidence. */
  get complaints(): string {
    return excerpt(this.#complaints);
  }

  /** Asks what `encoded` made of a request. Settles at the latest when the process is gone, or when it is killed. */
  async ask(request: string): Promise<PowerShellReply> {
    const nonce = randomBytes(16).toString('hex');
    this.#written = 0;
    this.#complaints = '';
    const written = await this.#untilOver(this.#driven.ask(`${nonce} ${request}`, nonce));
    try {
      return readReply(nonce, written);
    } finally {
      this.answered += 1;
    }
  }

  /** Lets it finish by itself, as there may be sessions to close; ends it after `grace` ms. */
  async stop(grace: number): Promise<void> {
    this.#driven.process.stdin?.end();
    let late: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#gone,
      new Promise<void>((resolve) => {
        late = setTimeout(resolve, grace);
      }),
    ]);
    clearTimeout(late);
    await this.kill();
  }

  /** Ends it, now, and all it has started. What was asked of it fails. Resolves when they are gone. */
  async kill(): Promise<void> {
    this.#fail('unreachable', 'PowerShell was ended.');
    const { pid } = this.#driven.process;
    if (process.platform !== 'win32' && this.#driven.process.exitCode === null) endNow(pid);
    await endTree(pid, this.#mark);
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
function environmentWith(mark: string): NodeJS.ProcessEnv {
  const own = /^(SECOND_RESPONDER_|REDIS_URL$)/i;
  const inherited = Object.entries(process.env).filter(([name]) => !own.test(name));
  return {
    ...Object.fromEntries(inherited),
    [TREE_MARK]: mark,
    TERM: 'dumb',
    NO_COLOR: '1',
    POWERSHELL_TELEMETRY_OPTOUT: '1',
    POWERSHELL_UPDATECHECK: 'Off',
  };
}

function factsIn(value: unknown): ShellFacts {
  if (!isRecord(value)) throw new ExchangeError('badReply', 'It did not say what it is.');
  const functions = Array.isArray(value.functions) ? value.functions.map(String).sort() : [];
  return { version: String(value.version), edition: String(value.edition), functions };
}
