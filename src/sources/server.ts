/** Which server a sender means: the first of its values, in order, that can be a server name. */
import { isIP } from 'node:net';
import { shortName } from '../incident/alert.ts';
import { LIMITS, whyNotHost } from './fields.ts';
import { isEmpty } from './read.ts';

export interface Given {
  /** The sender's name for it: a property or a label. */
  from: string;
  value: unknown;
  /** Why it names no server, if already known. */
  why?: string;
}

/** The possible server names as sent, each server once; or why there is none. */
export function serversIn(given: readonly Given[]): { names: { name: string; from: string }[]; why: string } {
  const names = new Map<string, { name: string; from: string }>();
  const reasons: string[] = [];
  for (const { from, value, why } of given) {
    const host = why === undefined ? hostIn(value) : { why };
    if ('why' in host) reasons.push(`${from} ${host.why}`);
    else if (!names.has(shortName(host.name))) names.set(shortName(host.name), { name: host.name, from });
  }
  return { names: [...names.values()], why: reasons.join(', ') };
}

/** The host in `mbx1`, `mbx1.contoso.com:9182`, `https://mbx1.contoso.com/owa` or `mbx1.contoso.com;IMAP`. */
function hostIn(value: unknown): { name: string } | { why: string } {
  if (isEmpty(value)) return { why: value === undefined || value === null ? 'is absent' : 'is empty' };
  if (typeof value !== 'string') return { why: 'must be text' };
  const [text = ''] = value.slice(0, LIMITS.host).trim().split(';');
  const scheme = text.indexOf('://');
  const [authority = ''] = (scheme < 0 ? text : text.slice(scheme + 3)).split(/[/?#]/);
  const host = (scheme < 0 ? authority : authority.slice(authority.lastIndexOf('@') + 1)).trim();
  if (isIP(host) === 6 || host.startsWith('[')) return { why: 'is an IP address' };
  const name = host.replace(/:\d{1,5}$/, '');
  const why = whyNotHost(name);
  return why === undefined ? { name } : { why };
}
