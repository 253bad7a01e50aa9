import { setMaxListeners } from 'node:events';
import { type CallOptions, ExchangeError } from '../../ports/exchange.ts';
import { childProcess } from './drivers/child-process.ts';
import type { Driver } from './drivers/driver.ts';
import { nodePowerShell } from './drivers/node-powershell.ts';
import { Pool } from './pool.ts';
import { Shell, type ShellFacts } from './shell.ts';
import { encoded, type Json, type PowerShellReply } from './wire.ts';

export type { ShellFacts } from './shell.ts';
export type { Json, PowerShellReply } from './wire.ts';

export const DRIVERS = { 'node-powershell': nodePowerShell, child_process: childProcess } satisfies Record<
  string,
  Driver
>;

export interface PowerShellHostOptions {
  /** Paths of the modules whose functions can be called, on the machine that runs PowerShell. */
  modules: readonly string[];
  driver?: keyof typeof DRIVERS;
  /** A name on the PATH, or a path. Default: `powershell.exe` on Windows, `pwsh` elsewhere. */
  executable?: string;
  /**
   * Arguments before PowerShell's own, if the executable is not PowerShell but starts it, such as `ssh`:
   * `['-T', '-o', 'BatchMode=yes', '-o', 'ServerAliveInterval=15', 'svc@jump', 'powershell.exe']`. Only the driver `child_process`
   * supports it. There must be no terminal in between (`-T`, never `-tt`).
   *
   * A remote shell exits with its connection: immediately if it is idle, and if it is busy, when the ssh server there drops the
   * connection. If nothing drops it (no ssh server, or one that has not noticed that the network is down), a busy shell exits a
   * second after the time limit of its call. Programs that it started can't be killed from here: Windows' ssh server kills them
   * with the shell, others do not.
   */
  arguments?: readonly string[];
  /**
   * Environment variables in addition to those of the daemon, without its secrets. Variables of the host itself can't be overridden.
   * With ssh they reach ssh, not the remote shell.
   */
  environment?: Readonly<Record<string, string>>;
  /** Maximum number of shells and so of concurrent requests; others wait. */
  shells?: number;
  /** Requests after which a shell is replaced, so that it does not grow without limit. */
  recycleAfter?: number;
  /** Default time limit of a call, in milliseconds. */
  timeLimit?: number;
  /** Time limit for a new shell to load its modules, in milliseconds. */
  startLimit?: number;
  /** Maximum output of a shell for one request, in bytes. */
  replyLimit?: number;
  /**
   * A function of the modules, without arguments, that closes what calls have left open, such as sessions. It is called before a
   * shell is closed (replaced, idle, or the host closed), unless there was no request since the last time; never in a shell that
   * failed. If it fails, the shell is killed, which also closes its sessions.
   */
  farewell?: string;
  /** Milliseconds for the farewell and the exit of a shell that is closed; then it is killed. */
  grace?: number;
  /**
   * Milliseconds without a call after which the farewell is called; the shell stays for the next call. A call during the farewell
   * waits for it, up to `grace`. Default: never.
   */
  farewellAfter?: number;
  /** Milliseconds without a call after which a shell is closed; the next call starts a new one. Default: never. */
  endAfter?: number;
}

type Settings = Required<Omit<PowerShellHostOptions, 'farewell'>> & Pick<PowerShellHostOptions, 'farewell'>;

/** Default executable. */
export const POWERSHELL = process.platform === 'win32' ? 'powershell.exe' : 'pwsh';

const DEFAULTS = {
  driver: 'node-powershell',
  executable: POWERSHELL,
  arguments: [],
  environment: {},
  shells: 2,
  recycleAfter: 500,
  timeLimit: 60_000,
  startLimit: 30_000,
  replyLimit: 64 * 1024 * 1024,
  grace: 2_000,
  farewellAfter: Number.POSITIVE_INFINITY,
  endAfter: Number.POSITIVE_INFINITY,
} as const satisfies Omit<Settings, 'modules'>;

/** Holds at most one shell, which may still be starting. */
interface Place {
  shell?: Promise<Shell>;
  /** Timers for an idle shell. */
  timers: (NodeJS.Timeout | undefined)[];
}

/** Long-lived PowerShell processes, started on demand and replaced when they fail. */
export class PowerShellHost {
  readonly #options: Settings;
  readonly #places: Place[];
  readonly #pool: Pool<Place>;
  readonly #closing = new AbortController();
  /** Calls in progress and shells that are closing; `close` waits for them. */
  readonly #underWay = new Set<Promise<unknown>>();
  #facts: ShellFacts | undefined;

  /** Throws TypeError for a farewell that is not a function name, and for arguments that the driver does not support. */
  constructor(options: PowerShellHostOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const { driver, farewell, shells } = this.#options;
    if (driver === 'node-powershell' && this.#options.arguments.length > 0) {
      throw new TypeError('Only the driver child_process takes arguments before those of PowerShell.');
    }
    if (farewell !== undefined) encoded({ function: farewell, arguments: {} });
    this.#places = Array.from({ length: shells }, () => ({ timers: [] }));
    this.#pool = new Pool(this.#places);
    // One listener per call is not a leak, so Node should not warn.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Version of the last shell that was started. */
  get facts(): ShellFacts | undefined {
    return this.#facts;
  }

  /**
   * Calls a function of the modules with named arguments. The time limit includes waiting for a shell and starting one. Throws
   * ExchangeError: `timedOut` (the shell and its child processes are killed), `unreachable` (no shell could be started, or the host is
   * closed), `badReply` (the shell exited, or its reply can't be parsed), or the failure of the function itself, which is `refused` if
   * it has none of the port's codes. Throws the signal's reason if that comes first, and TypeError for arguments that can't be sent.
   */
  async invoke(
    name: string,
    given: { readonly [parameter: string]: Json | undefined } = {},
    { timeLimit = this.#options.timeLimit, signal }: CallOptions = {},
  ): Promise<PowerShellReply> {
    signal?.throwIfAborted();
    const request = encoded({ function: name, arguments: given });
    const limit = new Limit(timeLimit, [signal, this.#closing.signal]);
    const answer = this.#answer(request, timeLimit, limit.signal).finally(() => limit.lift());
    this.#track(answer);
    return answer;
  }

  /** Closes every shell. Calls in progress fail with `unreachable`. Resolves when no process is left. */
  async close(): Promise<void> {
    this.#closing.abort(new ExchangeError('unreachable', 'The PowerShell host was closed.'));
    for (const place of this.#places) {
      this.#wake(place);
      this.#letGo(place);
    }
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #answer(request: string, timeLimit: number, signal: AbortSignal): Promise<PowerShellReply> {
    const place = await this.#pool.take(signal);
    this.#wake(place);
    try {
      const shell = await before(this.#shellIn(place, signal), signal);
      // Last check before the call can have an effect.
      signal.throwIfAborted();
      try {
        return await before(shell.ask(request, timeLimit), signal);
      } catch (error) {
        // If the function itself failed, the shell is still usable.
        if (signal.aborted || !(error instanceof ExchangeError) || shell.over || error.code === 'badReply') {
          this.#discard(place, shell.kill());
        }
        throw error;
      } finally {
        if (shell.answered >= this.#options.recycleAfter) this.#letGo(place);
      }
    } finally {
      this.#rest(place);
      this.#pool.give(place);
    }
  }

  async #shellIn(place: Place, signal: AbortSignal): Promise<Shell> {
    const idle = await place.shell?.catch(() => undefined);
    // The place may belong to another shell by now.
    signal.throwIfAborted();
    if (idle && !idle.over) return idle;
    if (idle) this.#discard(place, idle.kill());
    const { driver, ...rest } = this.#options;
    const watch = rest.arguments.length > 0 ? undefined : process.pid;
    const starting = Shell.start({ ...rest, driver: DRIVERS[driver], watch }).then(({ shell, facts }) => {
      this.#facts = facts;
      return shell;
    });
    place.shell = starting;
    this.#track(starting);
    return starting;
  }

  /** Starts the idle timers of the shell in this place, if there is one. */
  #rest(place: Place): void {
    if (!place.shell) return;
    const { farewellAfter, endAfter } = this.#options;
    place.timers = [later(farewellAfter, () => this.#part(place)), later(endAfter, () => this.#letGo(place))];
  }

  #wake(place: Place): void {
    for (const timer of place.timers.splice(0)) clearTimeout(timer);
  }

  /** Calls the farewell; the shell stays in its place, and a call in the meantime waits for it. */
  #part(place: Place): void {
    if (!place.shell) return;
    place.shell = place.shell.then(async (shell) => {
      await shell.part(this.#options.grace);
      return shell;
    });
    this.#track(place.shell);
  }

  /** Frees the place for a new shell immediately, even if the old one is still closing. */
  #letGo(place: Place): void {
    const stopped = place.shell?.then((shell) => shell.stop(this.#options.grace));
    if (stopped) this.#discard(place, stopped);
  }

  #discard(place: Place, end: Promise<void>): void {
    delete place.shell;
    this.#track(end);
  }

  #track(work: Promise<unknown>): void {
    const over = () => this.#underWay.delete(work);
    this.#underWay.add(work);
    work.then(over, over);
  }
}

/** Maximum time of a timer; a later time means never. */
const LONGEST = 2 ** 31 - 1;

/** A timer that does not keep the process alive. */
function later(milliseconds: number, act: () => void): NodeJS.Timeout | undefined {
  return milliseconds <= LONGEST ? setTimeout(act, milliseconds).unref() : undefined;
}

/** Combines a time limit with signals, and can be removed, because the signals live longer than a call. */
class Limit {
  readonly #controller = new AbortController();
  readonly #sources: AbortSignal[];
  readonly #timer: NodeJS.Timeout;
  readonly #passOn = () => this.#controller.abort(this.#sources.find((source) => source.aborted)?.reason);

  constructor(milliseconds: number, sources: (AbortSignal | undefined)[]) {
    this.#sources = sources.filter((source) => source !== undefined);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new ExchangeError('timedOut', `PowerShell gave no answer within ${milliseconds} ms.`));
    }, milliseconds);
    for (const source of this.#sources) source.addEventListener('abort', this.#passOn, { once: true });
    if (this.#sources.some((source) => source.aborted)) this.#passOn();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  lift(): void {
    clearTimeout(this.#timer);
    for (const source of this.#sources) source.removeEventListener('abort', this.#passOn);
  }
}

/** The result of a promise, or the signal's reason if that comes first. */
function before<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
