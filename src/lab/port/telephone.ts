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

/** What the commands need of the lab. */
export interface Line {
  /** The world as it is now: everything that is due has happened. */
  world(): World;
  readonly clock: LabClock;
  readonly log: CommandLog;
  /** Something changed that must not be forgotten. */
  changed(): void;
}

/** A command on its way to the organisation. */
export interface Command {
  /** The real cmdlet. */
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
  /** It answers only after that much of the organisation's time. */
  takes?: number;
  /** And then it fails. */
  fails?: ExchangeError;
}

/** The way between caller and organisation, with everything that can go wrong on it. */
export class Telephone {
  private readonly line: Line;
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(line: Line) {
    this.line = line;
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
      if (slow) await this.line.clock.wait(slow.body.by as number);
      const reply = await look(this.line.world());
      this.maybeDrop(command);
      return reply;
    });
  }

  /** One command at a time for each `what`; it acts only in time, and `act` compares before it acts. */
  change(
    command: Command,
    what: string,
    change: Change,
    options: CallOptions | undefined,
    act: (world: World) => Done,
    settles?: (world: World) => Instant | undefined,
  ): Promise<Reply<{ effect: 'changed' | 'already'; says?: string }>> {
    const { clock } = this.line;
    return within(options, () =>
      this.oneAtATime(`${command.server}/${what}`.toLowerCase(), async () => {
        this.arrive(command);
        const settled = settles?.(this.line.world());
        if (settled !== undefined) await clock.wait(settled - clock.now());
        const world = this.line.world();
        const late = clock.now() - change.notAfter;
        if (late > 0) {
          this.note(command, 'refused');
          throw new ExchangeError('refused', `${command.command} came ${late} ms too late and was not executed.`);
        }
        const done = this.act(command, () => act(world));
        if (done.takes) {
          await clock.wait(done.takes);
          this.line.world();
          this.line.changed();
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

  /** The first disturbance of that kind that applies; it counts as used once. */
  disturbed(
    kind: string,
    command: Pick<Command, 'command' | 'server'>,
    matches: (body: Record<string, unknown>) => boolean = ({ command: named }) =>
      named === undefined || String(named).toLowerCase() === command.command.toLowerCase(),
  ): Trouble | undefined {
    const world = this.line.world();
    for (const id of world.disturbances) {
      const trouble = world.troubles[id];
      if (trouble?.kind !== kind) continue;
      if (trouble.server !== undefined && trouble.server !== command.server) continue;
      if (!matches(trouble.body)) continue;
      if (trouble.timesLeft !== undefined && --trouble.timesLeft <= 0) {
        end(world, trouble.id, 'used up', this.line.clock.now());
      }
      return trouble;
    }
    return undefined;
  }

  /** Fails when the command does not get through; and notes it where it got as far as being refused. */
  private arrive(command: Command): void {
    const server = this.line.world().servers[command.server];
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
      this.line.changed();
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
    this.line.log.add({ at: this.line.clock.now(), server, command, arguments: given, caller, effect });
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

/** The caller's patience. What it asked for goes on without it: a command can't be called back. */
async function within<T>(options: CallOptions | undefined, work: () => Promise<T>): Promise<T> {
  const { timeLimit, signal } = options ?? {};
  signal?.throwIfAborted();
  const running = work();
  if (timeLimit === undefined && !signal) return running;
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => reject(signal?.reason);
    const timer =
      timeLimit === undefined
        ? undefined
        : later(() => reject(new ExchangeError('timedOut', `No answer within ${timeLimit} ms.`)), timeLimit);
    signal?.addEventListener('abort', giveUp, { once: true });
    running.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    });
  });
}
