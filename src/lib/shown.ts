/** What of a value may be shown: whatever is refused is told without what may be a secret in it. */

const SCHEMES = /^(https?|rediss?|redis\+(unix|sentinel|cluster)):\/\//i;
const NAME = '[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?';
const HOST = `(?:${NAME}|\\[[0-9A-Fa-f:]+\\])(?::\\d{1,5})?`;
const HOSTS = new RegExp(`^${HOST}(?:,${HOST})*$`);
/** A user and password, where both are written as they must be. */
const LOGIN = /^[^@/?#\\]*@/;

/**
 * Scheme and hosts of an address; `…` stands for everything else: user, password, path, query. Where it can't be told
 * which part is the host, none is shown, and of text that is no address nothing.
 */
export function safeAddress(text: string): string {
  const [scheme = ''] = SCHEMES.exec(text.trim()) ?? [];
  if (scheme === '') return '…';
  const rest = text.trim().slice(scheme.length);
  const [login = ''] = LOGIN.exec(rest) ?? [];
  const [hosts = ''] = /^[^/?#\\]*/.exec(rest.slice(login.length)) ?? [];
  const after = rest.slice(login.length + hosts.length);
  // With another @ behind it, what looks like the host may be a part of the password.
  if (!HOSTS.test(hosts) || after.includes('@')) return `${scheme}…`;
  return `${scheme}${login && '…@'}${hosts}${after === '' || after === '/' ? after : '/…'}`;
}

/** What the system says is wrong with a file, without its name: somebody may have written a secret where a name belongs. */
export function withoutPath(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/, \w+ '.*$/s, '');
}

/** A token with anything else is refused by the client of HTTP, in words that quote it. */
export const fitsHeader = (token: string): boolean => /^[\x20-\x7e]+$/.test(token);
