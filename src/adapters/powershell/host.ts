import { type CallOptions, ExchangeError } from '../../ports.ts';
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
  /** Paths of the modules whose functions can be called. */
  modules: readonly string[];
  driver?: keyof typeof DRIVERS;
  /** A name on the PATH, or a path. Default: `powershell.exe` on Windows, `pwsh` elsewhere. */
  executable?: string;
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
  /** Milliseconds that an idle shell has to close its sessions before it is ended. */
  grace?: number;
}

const DEFAULTS = {
  driver: 'node-powershell',
  executable: process.platform === 'win32' ? 'powershell.exe' : 'pwsh',
  shells: 2,
  recycleAfter: 500,
  timeLimit: 60_000,
  startLimit: 30_000,
  replyLimit: 64 * 1024 * 1024,
  grace: 2_000,
} as const satisfies Omit<Required<PowerShellHostOptions>, 'modules'>;

/** Holds at most one shell. A shell that is starting belongs to the place already, and to whoever takes it next. */
interface Place {
  shell?: Promise<Shell>;
}

/** Long-lived PowerShells, started when they are needed and replaced when they fail. */
export class PowerShellHost {
  readonly #options: Required<PowerShellHostOptions>;
  readonly #places: Place[];
  readonly #pool: Pool<Place>;
  readonly #closing = new AbortController();
  /** Calls under way, and shells on their way out: what closing waits for. */
  readonly #underWay = new Set<Promise<unknown>>();
  #facts: ShellFacts | undefined;

  constructor(options: PowerShellHostOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#places = Array.from({ length: this.#options.shells }, () => ({}));
    this.#pool = new Pool(this.#places);
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
    const answer = this.#answer(request, limit.signal).finally(() => limit.lift());
    this.#track(answer);
    return answer;
  }

  /** Ends every shell. Calls that are under way fail with `unreachable`. Resolves when no process is left. */
  async close(): Promise<void> {
    this.#closing.abort(new ExchangeError('unreachable', 'The PowerShell host was closed.'));
    for (const place of this.#places) {
      const { shell } = place;
      delete place.shell;
      if (shell) this.#track(shell.then((each) => each.stop(this.#options.grace)));
    }
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #answer(request: string, signal: AbortSignal): Promise<PowerShellReply> {
    const place = await this.#pool.take(signal);
    try {
      const shell = await before(this.#shellIn(place, signal), signal);
      // From here on something may be done: not for one who has given up.
      signal.throwIfAborted();
      try {
        return await before(shell.ask(request), signal);
      } catch (error) {
        // What it failed with may be the function's own word; then the shell is as good as before.
        if (signal.aborted || !(error instanceof ExchangeError) || shell.over || error.code === 'badReply') {
          this.#discard(place, shell.kill());
        }
        throw error;
      } finally {
        if (place.shell && shell.answered >= this.#options.recycleAfter) {
          this.#discard(place, shell.stop(this.#options.grace));
        }
      }
    } finally {
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
    const starting = Shell.start({ ...rest, driver: DRIVERS[driver], watch: process.pid }).then(({ shell, facts }) => {
      this.#facts = facts;
      return shell;
    });
    place.shell = starting;
    this.#track(starting);
    return starting;
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
