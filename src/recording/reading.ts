import { type Exchange, READING_CALLS } from '../ports/exchange.ts';
/** The calls of the port that only read. */
export type ReadingExchange = Pick<Exchange, keyof typeof READING_CALLS>;

/**
 * Access to the organisation without any call that could change it, and without a way to the port behind it. Probes log
 * on to mailboxes, so without `probes` they are refused too.
 */
export function readingOnly(exchange: Exchange, { probes }: { probes: boolean }): ReadingExchange {
  const calls = Object.keys(READING_CALLS) as (keyof ReadingExchange)[];
  const guarded = Object.create(null) as Record<string, unknown>;
  for (const call of calls) guarded[call] = (...given: unknown[]) => Reflect.apply(exchange[call], exchange, given);
  if (!probes) {
    guarded.invokeProbe = async () => {
      throw new Error('A probe was called, but probes are not enabled for this recording.');
    };
  }
  return Object.freeze(guarded) as unknown as ReadingExchange;
}
