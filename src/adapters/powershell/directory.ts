import type { ServerFacts } from '../../incident/health.ts';
import type { CallOptions, Organisation, Reply } from '../../ports/exchange.ts';

/** Real milliseconds for which names are looked up in the last answer, because servers rarely change. */
const SERVES = 10 * 60_000;
/** An unknown name may be a new server, so the list is read again, but not for every wrong name. */
const ASKS_AGAIN_AFTER = 10_000;

/** The servers of the organisation when they were last read. */
export class Directory {
  readonly #ask: (limits?: CallOptions) => Promise<Reply<Organisation>>;
  #last: { reply: Reply<Organisation>; byName: Map<string, ServerFacts>; at: number } | undefined;

  constructor(ask: (limits?: CallOptions) => Promise<Reply<Organisation>>) {
    this.#ask = ask;
  }

  /** Reads it now. */
  async read(limits?: CallOptions): Promise<Reply<Organisation>> {
    const reply = await this.#ask(limits);
    const byName = new Map(reply.value.servers.map((facts) => [facts.server, facts]));
    this.#last = { reply, byName, at: performance.now() };
    return reply;
  }

  /** Read not long ago. An old answer is better than none if it can't be read now. */
  async recent(limits?: CallOptions): Promise<Reply<Organisation>> {
    const last = this.#last;
    if (last && this.#age() < SERVES) return last.reply;
    return this.read(limits).catch((error) => {
      if (!last || limits?.signal?.aborted) throw error;
      return last.reply;
    });
  }

  /** Facts of a server by its short name; undefined if there is no such server. */
  async find(server: string, limits?: CallOptions): Promise<ServerFacts | undefined> {
    await this.recent(limits);
    const found = this.#last?.byName.get(server);
    if (found || this.#age() < ASKS_AGAIN_AFTER) return found;
    await this.read(limits);
    return this.#last?.byName.get(server);
  }

  #age(): number {
    return this.#last ? performance.now() - this.#last.at : Number.POSITIVE_INFINITY;
  }
}
