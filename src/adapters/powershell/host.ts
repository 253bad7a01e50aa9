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
  /** Paths of the modules whose functions can be called; they lie where PowerShell runs. */
  modules: readonly string[];
  driver?: keyof typeof DRIVERS;
  /** A name on the PATH, or a path. Default: `powershell.exe` on Windows, `pwsh` elsewhere. */
  executable?: string;
  /**
   * What stands before PowerShell's own switches, where the executable is not PowerShell but leads to it, as `ssh` does:
   * `['-T', '-o', 'BatchMode=yes', '-o', 'ServerAliveInterval=15', 'svc@jump', 'powershell.exe']`. Only the driver `child_process`
   * can place it. There must be no terminal in between (`-T`, never `-tt`).
   *
   * A shell far away ends with its connection: at once when it is idle, and when it is busy as soon as the ssh server there drops
   * the connection. Where nothing drops it (no ssh server, or one that hasn't noticed that the network is gone), a busy shell ends a
   * second after the time limit of its call. Programs that it has started can't be ended from here: Windows' ssh server ends them
   * with the shell, others leave them.
   */
  arguments?: readonly string[];
  /**
   * Variables of the environment besides those of the daemon, whose secrets shells don't get; what the host itself needs in it stays.
   * By ssh they reach ssh and not the far shell.
   */
  environment?: Readonly<Record<string, string>>;
  /** Shells at most, and so requests at a time; more wait in line. */
  shells?: number;
  /** Requests after which a shell is replaced, so that nothing in it grows for ever. */
  recycleAfter?: number;
  /** Milliseconds for a call that names no limit of its own. */
  timeLimit?: number;
  /** Milliseconds until a new shell must have loaded its modules. */
  startLimit?: number;
  /** Bytes that a shell may write while it answers one request. */
  replyLimit?: number;
  /**
   * A function of the modules, without arguments, that closes what calls have left open, such as sessions. It is called before a
   * shell is let go in good order (replaced, idle, or the host closed), unless nothing was asked since the last time; never in a
   * shell that failed or was given up. Where it fails, the shell is ended, and what it had open with it.
   */
  farewell?: string;
  /** Milliseconds for the farewell and the end of a shell that is let go; then it is ended. */
  grace?: number;
  /**
   * Milliseconds without a call after which a shell says farewell, and stays for the next call. One that comes in the middle of the
   * farewell waits for it, for as long as `grace` allows. Default: never.
   */
  farewellAfter?: number;
  /** Milliseconds without a call after which a shell is let go; the next call has a new one. Default: never. */
  endAfter?: number;
}

type Settings = Required<Omit<PowerShellHostOptions, 'farewell'>> & Pick<PowerShellHostOptions, 'farewell'>;

/** What is started where nothing else is named. */
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

/** Holds at most one shell. A shell that is starting belongs to the place already, and to whoever takes it next. */
interface Place {
  shell?: Promise<Shell>;
  /** What becomes of a shell that nobody has asked for long enough. */
  timers: (NodeJS.Timeout | undefined)[];
}

/** Long-lived PowerShells, started when they are needed and replaced when they fail. */
export class PowerShellHost {
  readonly #options: Settings;
  readonly #places: Place[];
  readonly #pool: Pool<Place>;
  readonly #closing = new AbortController();
  /** Calls under way, and shells on their way out: what closing waits for. */
  readonly #underWay = new Set<Promise<unknown>>();
  #facts: ShellFacts | undefined;

  /** Throws TypeError for a farewell that is no name of a function, and for arguments that the driver can't place. */
  constructor(options: PowerShellHostOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const { driver, farewell, shells } = this.#options;
    if (driver === 'node-powershell' && this.#options.arguments.length > 0) {
      throw new TypeError('Only the driver child_process takes arguments before those of PowerShell.');
    }
    if (farewell !== undefined) encoded({ function: farewell, arguments: {} });
    this.#places = Array.from({ length: shells }, () => ({ timers: [] }));
    this.#pool = new Pool(this.#places);
    // As many as there are calls: no leak that Node would have to warn of.
    setMaxListeners(0, this.#closing.signal);
  }

  /** What the last shell that was started said of itself. */
  get facts(): ShellFacts | undefined {
    return this.#facts;
  }

  /**
   * Calls a function of the modules with named arguments. The time limit counts from here: waiting in line and starting a shell are
   * part of it. Throws ExchangeError: `timedOut` (the shell and all it has started are ended), `unreachable` (no shell is to be had,
   * or the host is closed), `badReply` (the shell ended, or answered what can't be read), or what the function itself failed with;
   * one that fails with none of the port's codes has `refused`. Throws the signal's reason when that comes first, and TypeError for
   * arguments that can't be sent.
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

  /** Ends every shell. Calls that are under way fail with `unreachable`. Resolves when no process is left. */
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
      // From here on something may be done: not for one who has given up.
      signal.throwIfAborted();
      try {
        return await before(shell.ask(request, timeLimit), signal);
      } catch (error) {
        // What it failed with may be the function's own word; then the shell is as good as before.
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
    // The place may be another's by now.
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

  /** From now on nobody asks the shell of this place, if it has one. */
  #rest(place: Place): void {
    if (!place.shell) return;
    const { farewellAfter, endAfter } = this.#options;
    place.timers = [later(farewellAfter, () => this.#part(place)), later(endAfter, () => this.#letGo(place))];
  }

  #wake(place: Place): void {
    for (const timer of place.timers.splice(0)) clearTimeout(timer);
  }

  /** The shell stays in its place; who takes it meanwhile has it when the farewell is over. */
  #part(place: Place): void {
    if (!place.shell) return;
    place.shell = place.shell.then(async (shell) => {
      await shell.part(this.#options.grace);
      return shell;
    });
    this.#track(place.shell);
  }

  /** The place is free for a new shell at once, whatever the old one still has to do. */
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

/** The longest that a timer can wait; what is to come later than that never comes. */
const LONGEST = 2 ** 31 - 1;

/** A timer that keeps no process alive. */
function later(milliseconds: number, act: () => void): NodeJS.Timeout | undefined {
  return milliseconds <= LONGEST ? setTimeout(act, milliseconds).unref() : undefined;
}

/** A time limit and others' signals in one, which can be lifted: the others live longer than a call. */
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

/** What a promise brings, unless the signal comes before it. */
function before<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
