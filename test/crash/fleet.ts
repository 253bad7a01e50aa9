import { type Running, type Site, until } from '../support/processes.ts';

interface Member {
  daemon: Running;
  frozen: boolean;
}

/** The daemons of one round, with what a supervisor does: one that is gone is started again, until it stays. */
export class Fleet {
  readonly #site: Site;
  readonly #env: Record<string, string>;
  #members: Member[] = [];
  /** Everything that daemons of this round printed, those that are gone included. */
  readonly #all: Running[] = [];

  constructor(site: Site, env: Record<string, string>) {
    this.#site = site;
    this.#env = env;
  }

  /** Those that can answer. */
  get awake(): Running[] {
    return this.#members.filter((member) => !member.frozen).map(({ daemon }) => daemon);
  }

  get outputs(): string[] {
    return this.#all.map((daemon) => daemon.output());
  }

  /** Starts one more. While Redis is away a daemon refuses to start; a supervisor tries again, and so does this. */
  async add(): Promise<Running> {
    for (let tries = 1; ; tries += 1) {
      try {
        const daemon = await this.#site.daemon(this.#env);
        this.#members.push({ daemon, frozen: false });
        this.#all.push(daemon);
        return daemon;
      } catch (error) {
        if (tries === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  /** Takes one out, once one is awake: `whom` from 0 to 1 chooses. Its process is left to the caller. */
  async take(whom: number): Promise<Running> {
    const awake = await until(
      async () => this.#members.filter((member) => !member.frozen),
      (members) => members.length > 0,
      60_000,
    );
    const chosen = awake[Math.floor(whom * awake.length)] as Member;
    this.#members = this.#members.filter((member) => member !== chosen);
    return chosen.daemon;
  }

  /** Stops its clock, so to say: the process stands still for that long, and goes on as if nothing had been. */
  async freeze(whom: number, ms: number): Promise<void> {
    const daemon = await this.take(whom);
    const member = { daemon, frozen: true };
    this.#members.push(member);
    process.kill(daemon.pid, 'SIGSTOP');
    try {
      if (this.awake.length === 0) await this.add();
      await new Promise((resolve) => setTimeout(resolve, ms));
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
      member.frozen = false;
    }
  }
}
