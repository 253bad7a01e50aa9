import type { KillScope, KillSwitch } from '../ports/kill-switch.ts';
import { ALLOW, type Guard } from './guard.ts';

/** Someone stopped everything, or a playbook, a server or a group. Checked again right before the command is sent. */
export const killSwitch: Guard = {
  name: 'kill-switch',
  reasons: ['kill-switch'],
  requires: 'no kill switch is on: for everything, this playbook, the server or its group',
  judge({ killSwitches, scope }) {
    const on = killSwitches.find((one) => applies(one, scope));
    return on ? { answer: 'wait', reason: 'kill-switch', says: saysOf(on) } : ALLOW;
  },
};

/** A switch applies if every field of its scope occurs in the given scopes; a switch without scope always applies. */
export function applies(one: KillSwitch, asked: readonly KillScope[]): boolean {
  const fields = Object.entries(one.scope) as [keyof KillScope, string][];
  return (
    one.on && fields.every(([field, name]) => asked.some((scope) => scope[field]?.toLowerCase() === name.toLowerCase()))
  );
}

export function saysOf(one: KillSwitch): string {
  const where = Object.entries(one.scope).map(([field, name]) => `${field} ${name}`);
  return `The kill switch is on${where.length > 0 ? ` for ${where.join(', ')}` : ''} (${one.by}${one.reason ? `: ${one.reason}` : ''})`;
}
