/**
 * Whether two names are the same to Windows and Exchange, which ignore case in names of servers, services, components,
 * requesters, health sets and monitors: a 2016 server writes `HealthApi` where the documentation has `HealthAPI`.
 */
export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Whether a name is in a list, ignoring case. */
export function isNamed(name: string, names: readonly string[]): boolean {
  return names.some((one) => sameName(one, name));
}
