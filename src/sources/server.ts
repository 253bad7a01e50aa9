/** Which server a sender means: of all that it gives, in order, the first that can be a server's name. */
import { isIP } from 'node:net';
import { shortName } from '../incident/alert.ts';
import { LIMITS, whyNoHost } from './fields.ts';
import { isEmpty } from './read.ts';

export interface Given {
  /** What the sender calls it: a property or a label. */
  from: string;
  value: unknown;
  /** Why it names no server, where that is known already. */
  why?: string;
}

/** The names that can be meant, as sent, each server once; or why there is none. */
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

/** `mbx1`, `mbx1.contoso.com:9182`, `https://mbx1.contoso.com/owa`, `mbx1.contoso.com;IMAP`: what stands for the host. */
function hostIn(value: unknown): { name: string } | { why: string } {
  if (isEmpty(value)) return { why: value === undefined || value === null ? 'is absent' : 'is empty' };
  if (typeof value !== 'string') return { why: 'must be text' };
  const [text = ''] = value.slice(0, LIMITS.host).trim().split(';');
  const scheme = text.indexOf('://');
  const [authority = ''] = (scheme < 0 ? text : text.slice(scheme + 3)).split(/[/?#]/);
  const host = (scheme < 0 ? authority : authority.slice(authority.lastIndexOf('@') + 1)).trim();
  if (isIP(host) === 6 || host.startsWith('[')) return { why: 'is an IP address' };
  const name = host.replace(/:\d{1,5}$/, '');
  const why = whyNoHost(name);
  return why === undefined ? { name } : { why };
}
