/** The inverse of how the API writes times: text becomes instants again, so that the domain's own types fit the answers. */
const INSTANT = /^(at|until|since|notAfter|lastTransition|lastExecution)$|[a-z](At|Until|Since)$/;
const WRITTEN = /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The caller names the type that the API documents for this answer. */
export function revive<T>(answer: unknown): T {
  return instants(answer, '') as T;
}

function instants(value: unknown, key: string): unknown {
  if (typeof value === 'string') return INSTANT.test(key) && WRITTEN.test(value) ? Date.parse(value) : value;
  if (Array.isArray(value)) return value.map((item) => instants(item, ''));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, instants(inner, name)]));
}
