import { type Exchange, READING_CALLS } from '../ports/exchange.ts';
/** The verbs of the port that only read. */
export type ReadingExchange = Pick<Exchange, keyof typeof READING_CALLS>;

/**
 * The organisation, and nothing that could change it: whoever holds this has no verb that does, and no way to the
 * port behind it. Probes log on to mailboxes, so without `probes` there are none either.
 */
export function readingOnly(exchange: Exchange, { probes }: { probes: boolean }): ReadingExchange {
  const verbs = Object.keys(READING_CALLS) as (keyof ReadingExchange)[];
  const guarded = Object.create(null) as Record<string, unknown>;
  for (const verb of verbs) guarded[verb] = (...given: unknown[]) => Reflect.apply(exchange[verb], exchange, given);
  if (!probes) {
    guarded.invokeProbe = async () => {
      throw new Error('A probe was called, but probes are not enabled for this recording.');
    };
  }
  return Object.freeze(guarded) as unknown as ReadingExchange;
}
