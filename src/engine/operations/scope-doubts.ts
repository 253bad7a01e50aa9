import { nearest } from '../../config/nearest.ts';
import { groupOf } from '../../incident/health.ts';
import { isNamed } from '../../incident/names.ts';
import type { KillScope } from '../../ports/kill-switch.ts';
import type { Engine } from '../parts.ts';

/** Real milliseconds for checking whether the names exist; the switch is already on. */
const ASKED_WITHIN = 2_000;
/** Number of known names listed if none is similar. */
const MOST_LISTED = 12;

/**
 * Warnings about unknown names in a kill switch: a typo stops nothing, and must not go unnoticed. While Exchange does
 * not answer, `openOn` names the servers of open incidents.
 */
export async function scopeDoubts(
  { playbooks, exchange }: Pick<Engine, 'playbooks' | 'exchange'>,
  { playbook, server, group }: KillScope,
  openOn: () => Promise<readonly string[]>,
): Promise<string[]> {
  const doubts: string[] = [];
  if (playbook !== undefined) {
    const names = playbooks().map(({ name }) => name);
    doubts.push(...doubt('playbook', playbook, names));
  }
  if (server === undefined && group === undefined) return doubts;
  const organisation = await exchange.organisation({ timeLimit: ASKED_WITHIN }).catch(() => undefined);
  if (organisation) {
    const { servers } = organisation.value;
    const names = servers.map((facts) => facts.server);
    const groups = servers.flatMap((facts) => groupOf(facts) ?? []);
    if (server !== undefined) doubts.push(...doubt('server', server, names));
    if (group !== undefined) doubts.push(...doubt('group', group, groups));
    return doubts;
  }
  if (group !== undefined) doubts.push(unchecked('group', group));
  if (server === undefined) return doubts;
  const names = await openOn().catch(() => []);
  if (!isNamed(server, names)) doubts.push(unchecked('server', server) + suggestion(server, names));
  return doubts;
}

function doubt(kind: keyof KillScope, name: string, known: readonly string[]): string[] {
  if (isNamed(name, known)) return [];
  const help = suggestion(name, known) || listed(kind, known);
  return [`There is no ${kind} "${name}": a kill switch for it stops nothing.${help}`];
}

const unchecked = (kind: string, name: string) =>
  `Exchange did not answer, so it is not known whether there is a ${kind} "${name}".`;

function suggestion(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? '' : ` Did you mean "${near}"?`;
}

function listed(kind: string, known: readonly string[]): string {
  const names = [...new Set(known)];
  if (names.length === 0) return ` There are no ${kind}s.`;
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : '';
  return ` Known: ${names.slice(0, MOST_LISTED).join(', ')}${more}.`;
}
