import { setTimeout as later } from 'node:timers';
import type { Instant } from '../../incident/alert.ts';
import {
  type CallOptions,
  type Change,
  ExchangeError,
  type ExchangeFailure,
  type Reply,
} from '../../ports/exchange.ts';
import { end } from '../behaviour/cures.ts';
import type { LabClock } from '../world/clock.ts';
import type { Server, Trouble, World } from '../world/world.ts';
import type { CommandLog, Effect } from './command-log.ts';

/** The parts of the lab that commands require. */
export interface LabState {
  /** The world now, after all scheduled events that are due. */
  world(): World;
  readonly clock: LabClock;
  readonly log: CommandLog;
  /** Called after a change that must be saved. */
  changed(): void;
}

/** A command that is sent to the organisation. */
export interface Command {
  /** Name of the real cmdlet. */
  command: string;
  server: string;
  arguments: Record<string, unknown>;
  caller: string;
  /** The Exchange endpoint, whose sessions are limited, or plain remoting to the server. */
  channel: 'exchange' | 'windows';
}

/** What a changing command did. */
export interface Done {
  effect: 'changed' | 'already' | 'none';
  says?: string;
  /** The answer arrives after this much of the organisation's time. */
  takes?: number;
  /** Failure that is returned at the end. */
  fails?: ExchangeError;
}

/** The connection between caller and organisation, with every fault that it can have. */
export class Connection {
  private readonly state: LabState;
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(state: LabState) {
    this.state = state;
  }

  read<T>(
    command: Command,
    options: CallOptions | undefined,
    look: (world: World) => Reply<T> | Promise<Reply<T>>,
  ): Promise<Reply<T>> {
    return within(options, async () => {
      this.arrive(command);
      this.note(command, 'none');
      const slow = this.disturbed('slow', command);
      if (slow) await this.state.clock.wait(slow.body.by as number);
      const reply = await look(this.state.world());
      this.maybeDrop(command);
      return reply;
    });
  }

  /** Runs one command at a time for each `what`, and only before its deadline; `act` checks the fence before it acts. */
  change(
    command: Command,
    what: string,
    change: Change,
    options: CallOptions | undefined,
    act: (world: World) => Done,
    settles?: (world: World) => Instant | undefined,
  ): Promise<Reply<{ effect: 'changed' | 'already'; says?: string }>> {
    const { clock } = this.state;
    return within(options, () =>
      this.oneAtATime(`${command.server}/${what}`.toLowerCase(), async () => {
        this.arrive(command);
        const settled = settles?.(this.state.world());
        if (settled !== undefined) await clock.wait(settled - clock.now());
        const world = this.state.world();
        const late = clock.now() - change.notAfter;
        if (late > 0) {
          this.note(command, 'refused');
          throw new ExchangeError('refused', `${command.command} came ${late} ms too late and was not executed.`);
        }
        const done = this.act(command, () => act(world));
        if (done.takes) {
          await clock.wait(done.takes);
          this.state.world();
          this.state.changed();
        }
        const slow = this.disturbed('slow', command);
        if (slow) await clock.wait(slow.body.by as number);
        if (done.fails) throw done.fails;
        if (done.effect === 'changed') this.maybeDrop(command);
        if (done.effect === 'none') throw new ExchangeError('badReply', done.says ?? 'It changed nothing.');
        return { value: { effect: done.effect, ...(done.says ? { says: done.says } : {}) }, warnings: [] };
      }),
    );
  }

  /** The first disturbance of that kind that applies; uses it once. */
  disturbed(
    kind: string,
    command: Pick<Command, 'command' | 'server'>,
    matches: (body: Record<string, unknown>) => boolean = ({ command: named }) =>
      named === undefined || String(named).toLowerCase() === command.command.toLowerCase(),
  ): Trouble | undefined {
    const world = this.state.world();
    for (const id of world.disturbances) {
      const trouble = world.troubles[id];
      if (trouble?.kind !== kind) continue;
      if (trouble.server !== undefined && trouble.server !== command.server) continue;
      if (!matches(trouble.body)) continue;
      if (trouble.timesLeft !== undefined && --trouble.timesLeft <= 0) {
        end(world, trouble.id, 'used up', this.state.clock.now());
      }
      return trouble;
    }
    return undefined;
  }

  /** Throws if the command does not reach the organisation, or is refused, which is logged. */
  private arrive(command: Command): void {
    const server = this.state.world().servers[command.server];
    if (command.channel === 'windows' && server?.boot?.stage === 'down') throw unreachable(server);
    if (command.channel === 'exchange' && this.disturbed('session-limit', command)) {
      throw new ExchangeError(
        'sessionLimit',
        'The remote session was refused: this user has reached the number of concurrent shells allowed.',
      );
    }
    const refused = this.disturbed('refuse', command);
    if (refused) {
      this.note(command, 'refused');
      throw new ExchangeError(refused.body.as as ExchangeFailure, `${command.command}: the operation was refused.`);
    }
  }

  private act(command: Command, act: () => Done): Done {
    try {
      const done = act();
      this.note(command, done.effect);
      this.state.changed();
      return done;
    } catch (error) {
      this.note(command, error instanceof ExchangeError && error.code === 'refused' ? 'refused' : 'none');
      throw error;
    }
  }

  private maybeDrop(command: Command): void {
    if (this.disturbed('drop-after-effect', command)) {
      throw new ExchangeError('unreachable', 'The connection was reset before the answer arrived.');
    }
  }

  private note({ command, server, arguments: given, caller }: Command, effect: Effect): void {
    this.state.log.add({ at: this.state.clock.now(), server, command, arguments: given, caller, effect });
  }

  private oneAtATime<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.busy.get(key) ?? Promise.resolve()).then(work, work);
    const settled = mine.catch(() => undefined);
    this.busy.set(key, settled);
    void settled.then(() => {
      if (this.busy.get(key) === settled) this.busy.delete(key);
    });
    return mine;
  }
}

export function unreachable(server: Server): ExchangeError {
  return new ExchangeError('unreachable', `${server.fqdn} does not answer: the remote computer is not available.`);
}

/** Applies the caller's time limit and signal. The work continues after them, because a command can't be recalled. */
async function within<T>(options: CallOptions | undefined, work: () => Promise<T>): Promise<T> {
  const { timeLimit, signal } = options ?? {};
  signal?.throwIfAborted();
  const running = work();
  if (timeLimit === undefined && !signal) return running;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    const timer =
      timeLimit === undefined
        ? undefined
        : later(() => reject(new ExchangeError('timedOut', `No answer within ${timeLimit} ms.`)), timeLimit);
    signal?.addEventListener('abort', abort, { once: true });
    running.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  });
}
