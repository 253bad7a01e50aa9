/** What is inside counts milliseconds; what goes out is read by people and scripts: ISO 8601, in UTC. */

/** `at`, `startedAt`, `until`, `since`, `notAfter` and the like hold instants wherever they stand. */
const INSTANT = /^(at|until|since|notAfter|lastTransition|lastExecution)$|[a-z](At|Until|Since)$/;

/** The last instant that a JavaScript date can hold. */
const LAST = 8.64e15;

/** A copy in which every instant is text. */
export function render(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(render);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'number' && INSTANT.test(key) && Math.abs(inner) <= LAST
        ? new Date(inner).toISOString()
        : render(inner),
    ]),
  );
}
