/**
 * Instants as people and scripts read them: milliseconds inside, ISO 8601 in UTC in the API, which the command line
 * reads back. A field that holds an instant is recognised by its name, in any object: `at`, `startedAt`, `until` …,
 * because the data of entries and steps has no schema. A test compares the names with the API's schemas.
 */
const INSTANT = /^(at|until|since|notAfter|lastTransition|lastExecution)$|[a-z](At|Until|Since)$/;
const WRITTEN = /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The last instant that a JavaScript date can hold. */
const LAST = 8.64e15;

/** A copy in which every instant is text. */
export function writeInstants(value: unknown): unknown {
  return mapInstants(value, (at) =>
    typeof at === 'number' && Math.abs(at) <= LAST ? new Date(at).toISOString() : undefined,
  );
}

/** The inverse. The caller names the type that the API documents for this answer. */
export function readInstants<T>(answer: unknown): T {
  return mapInstants(answer, (at) => (typeof at === 'string' && WRITTEN.test(at) ? Date.parse(at) : undefined)) as T;
}

/** `convert` returns undefined for a value that stays as it is. */
function mapInstants(value: unknown, convert: (at: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapInstants(item, convert));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      (INSTANT.test(key) ? convert(inner) : undefined) ?? mapInstants(inner, convert),
    ]),
  );
}
