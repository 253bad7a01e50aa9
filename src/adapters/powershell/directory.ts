import type { ServerFacts } from '../../incident/health.ts';
import type { CallOptions, Organisation, Reply } from '../../ports/exchange.ts';

/** Real milliseconds for which names are looked up in what was read before. Servers come and go seldom. */
const SERVES = 10 * 60_000;
/** A name that is not in it may be a new server's: it is read anew, but not for each wrong name. */
const ASKS_AGAIN_AFTER = 10_000;

/** The servers of the organisation, as they were read last: which names there are. */
export class Directory {
  readonly #ask: (limits?: CallOptions) => Promise<Reply<Organisation>>;
  #last: { reply: Reply<Organisation>; byName: Map<string, ServerFacts>; at: number } | undefined;

  constructor(ask: (limits?: CallOptions) => Promise<Reply<Organisation>>) {
    this.#ask = ask;
  }

  /** As it is now. */
  async read(limits?: CallOptions): Promise<Reply<Organisation>> {
    const reply = await this.#ask(limits);
    const byName = new Map(reply.value.servers.map((facts) => [facts.server, facts]));
    this.#last = { reply, byName, at: performance.now() };
    return reply;
  }

  /** As it was a while ago at most. What was read long ago is better than nothing when it can't be read now. */
  async recent(limits?: CallOptions): Promise<Reply<Organisation>> {
    const last = this.#last;
    if (last && this.#age() < SERVES) return last.reply;
    return this.read(limits).catch((error) => {
      if (!last || limits?.signal?.aborted) throw error;
      return last.reply;
    });
  }

  /** Facts of a server by its short name; undefined: there is none. */
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
