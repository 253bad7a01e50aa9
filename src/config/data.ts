/** Access to plain nested data by path. */

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

export function getIn(data: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((here, key) => (isObject(here) ? here[key] : undefined), data);
}

/** Does nothing where the path crosses a value that is not an object; the schema reports that. */
export function setIn(data: Record<string, unknown>, [key, ...rest]: readonly string[], value: unknown): void {
  if (key === undefined) return;
  if (rest.length === 0) {
    data[key] = value;
    return;
  }
  data[key] ??= {};
  const inside = data[key];
  if (isObject(inside)) setIn(inside, rest, value);
}
