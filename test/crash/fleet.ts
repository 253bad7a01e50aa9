import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { freePort } from '../support/ports.ts';
import { type Running, type Site, until } from '../support/processes.ts';
import type { AtBoundary, Boundary } from './boundary.ts';
import type { Exact } from './exact.ts';
import { LabGate, type Sent } from './lab-gate.ts';
import { type Cut, RedisGate } from './redis-gate.ts';

const CLOCK = pathToFileURL(join(process.cwd(), 'test/crash/clock.mjs')).href;
/** Real milliseconds that a request is held at a boundary where its daemon is told to stop. */
const MIDST = 500;

/** A machine: the gates that all its daemons go through, one after the other, its clock, and the daemon of now. */
export interface Member {
  name: string;
  redis: RedisGate;
  lab: LabGate;
  clock: string;
  /** Since it was begun; it may not answer yet. */
  process?: Running;
  /** Since it answers. */
  daemon?: Running;
  frozen: boolean;
  stopping: boolean;
}

/** When a daemon was killed, and who it was. Real milliseconds. */
export interface Kill {
  at: number;
  pid: number;
  /** The incidents that it had in hand: what somebody must take over. */
  held: string[];
  /** Other daemons ran at that moment. */
  others: boolean;
}

export interface FleetOptions {
  site: Site;
  env: Record<string, string>;
  redisPort: number;
  lab: string;
  exact?: Exact;
  /** The incidents whose lease that process holds. */
  heldBy(pid: number): Promise<string[]>;
}

/** The daemons of one round, with what a supervisor does: one that is gone is started again. */
export class Fleet {
  readonly kills: Kill[] = [];
  /** Real milliseconds that each daemon took that was told to stop. */
  readonly stops: number[] = [];
  readonly #options: FleetOptions;
  readonly #members: Member[] = [];
  /** Everything that was begun, what is gone included. */
  readonly #all: Running[] = [];
  readonly #passed = new Set<string>();
  #cutOff: Cut | undefined;
  #over = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Those that can answer. */
  get awake(): Running[] {
    return this.#members.flatMap(({ daemon, frozen }) => (daemon && !frozen ? [daemon] : []));
  }

  get outputs(): string[] {
    return this.#all.map((process) => process.output());
  }

  get sent(): Sent[] {
    return this.#members.flatMap(({ lab }) => lab.sent);
  }

  /** One more machine, whose daemon is kept running; resolves when it answers for the first time. */
  async add(): Promise<void> {
    const { site, redisPort, lab } = this.#options;
    const name = `machine ${this.#members.length + 1}`;
    const clock = join(site.directory, `${name.replace(' ', '-')}.clock`);
    writeFileSync(clock, '0');
    const port = await freePort();
    const atBoundary: AtBoundary = (boundary) => this.#strikeAt(member, boundary);
    const member: Member = {
      name,
      redis: await RedisGate.open(redisPort, atBoundary),
      lab: await LabGate.open(lab, name, atBoundary),
      clock,
      frozen: false,
      stopping: false,
    };
    this.#members.push(member);
    if (this.#cutOff) member.redis.cut(this.#cutOff);
    await new Promise<void>((ready) => void this.#supervise(member, port, ready));
  }

  async #supervise(member: Member, port: number, ready: () => void): Promise<void> {
    const { site, env } = this.#options;
    while (!this.#over) {
      try {
        const daemon = await site.daemon(
          {
            ...env,
            SECOND_RESPONDER_HTTP_PORT: `${port}`,
            REDIS_URL: member.redis.address,
            SECOND_RESPONDER_EXCHANGE_URL: member.lab.address,
            NODE_OPTIONS: `--import=${CLOCK}`,
            CRASH_CLOCK: member.clock,
          },
          [],
          (process) => {
            this.#all.push(process);
            member.process = process;
            member.stopping = false;
          },
        );
        member.daemon = daemon;
        ready();
        await daemon.ended;
      } catch {
        // It was killed, also while it started, or told to stop, or there is no Redis for it; or it never answered.
        delete member.daemon;
        await member.process?.kill('SIGKILL');
        await pause(50);
      }
    }
  }

  async close(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#members.map(({ process }) => process?.kill('SIGKILL')));
    await Promise.all(this.#members.flatMap(({ redis, lab }) => [redis.close(), lab.close()]));
  }

  /** A daemon that answers, once there is one. */
  async someone(): Promise<Running> {
    const { daemon } = await this.choose(0);
    return daemon ?? this.someone();
  }

  /** One that is awake, once there is one: `whom` from 0 to 1 chooses. */
  async choose(whom: number): Promise<Member> {
    const awake = await until(
      async () => this.#members.filter(({ daemon, frozen, stopping }) => daemon && !frozen && !stopping),
      (members) => members.length > 0,
      60_000,
    );
    return awake[Math.floor(whom * awake.length)] as Member;
  }

  async kill(member: Member): Promise<void> {
    const daemon = member.process;
    if (!daemon) return;
    const gone = daemon.kill('SIGKILL');
    const at = Date.now();
    const others = this.#members.some((other) => other !== member && other.daemon && !other.frozen);
    const held = await this.#options.heldBy(daemon.pid);
    this.kills.push({ at, pid: daemon.pid, held, others });
    await gone;
  }

  async stop(member: Member): Promise<void> {
    if (!member.process) return;
    member.stopping = true;
    const asked = Date.now();
    await member.process.kill('SIGTERM');
    this.stops.push(Date.now() - asked);
  }

  /** The process stands still for that long, and goes on as if nothing had been; others go on meanwhile. */
  async freeze(member: Member, ms: number): Promise<void> {
    const { process: frozen } = member;
    if (!frozen) return;
    member.frozen = true;
    process.kill(frozen.pid, 'SIGSTOP');
    try {
      if (this.awake.length === 0) await this.add();
      await pause(ms);
    } finally {
      process.kill(frozen.pid, 'SIGCONT');
      member.frozen = false;
    }
  }

  /** Its clock is wrong by so many milliseconds from now on, also for the daemons after this one. */
  setClock({ clock, daemon }: Member, ms: number): void {
    writeFileSync(clock, `${ms}`);
    if (daemon) process.kill(daemon.pid, 'SIGUSR2');
  }

  /** Cuts all off from Redis, those that join meanwhile included. */
  cutAll(how: Cut): void {
    this.#cutOff = how;
    for (const { redis } of this.#members) redis.cut(how);
  }

  mendAll(): void {
    this.#cutOff = undefined;
    for (const { redis } of this.#members) redis.mend();
  }

  /** Each boundary is met once, by whoever comes there first; who is stopping already is left alone. */
  #strikeAt(member: Member, { of, key }: Boundary): ReturnType<AtBoundary> {
    const { exact } = this.#options;
    if (!exact || exact.of !== of || member.stopping || this.#passed.has(key)) return undefined;
    this.#passed.add(key);
    if ((this.#passed.size - 1) % exact.every !== exact.offset) return undefined;
    return {
      when: exact.when,
      strike: async () => {
        if (exact.signal === 'SIGKILL') {
          await this.kill(member);
          return 'drop';
        }
        void this.stop(member);
        await pause(MIDST);
        return 'pass';
      },
    };
  }
}
