/** Makes values safe to show: messages must not contain anything that may be a secret. */

const SCHEMES = /^(https?|rediss?|redis\+(unix|sentinel|cluster)):\/\//i;
const NAME = '[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?';
const HOST = `(?:${NAME}|\\[[0-9A-Fa-f:]+\\])(?::\\d{1,5})?`;
const HOSTS = new RegExp(`^${HOST}(?:,${HOST})*$`);
/** A user and password, if both are written correctly. */
const LOGIN = /^[^@/?#\\]*@/;

/**
 * Scheme and hosts of an address, with `…` for everything else: user, password, path, query. If the host is ambiguous,
 * it is hidden too; text that is not an address is hidden completely.
 */
export function safeAddress(text: string): string {
  const [scheme = ''] = SCHEMES.exec(text.trim()) ?? [];
  if (scheme === '') return '…';
  const rest = text.trim().slice(scheme.length);
  const [login = ''] = LOGIN.exec(rest) ?? [];
  const [hosts = ''] = /^[^/?#\\]*/.exec(rest.slice(login.length)) ?? [];
  const after = rest.slice(login.length + hosts.length);
  // If another @ follows, what looks like the host may be part of the password.
  if (!HOSTS.test(hosts) || after.includes('@')) return `${scheme}…`;
  return `${scheme}${login && '…@'}${hosts}${after === '' || after === '/' ? after : '/…'}`;
}

/** The system's error about a file, without the file's name: someone may have written a secret in its place. */
export function withoutPath(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/, \w+ '.*$/s, '');
}

/** Whether a token fits in an HTTP header; the client refuses others in a message that quotes them. */
export const fitsHeader = (token: string): boolean => /^[\x20-\x7e]+$/.test(token);
