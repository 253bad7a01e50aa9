import { shortName } from '../../incident/alert.ts';
import { groupOf } from '../../incident/health.ts';
import { currentRun } from '../../incident/incident.ts';
import type { Change } from '../../ports/exchange.ts';
import type { KillScope } from '../../ports/kill-switch.ts';
import type { Advance } from '../advancing.ts';
import type { Engine } from '../parts.ts';

/** The scope for which kill switches are checked. */
export function scopeOf(playbook: string | undefined, servers: string[], groups: (string | undefined)[]): KillScope[] {
  return [
    ...(playbook ? [{ playbook }] : []),
    ...[...new Set(servers.map(shortName))].map((server) => ({ server })),
    ...[...new Set(groups)].flatMap((group) => (group ? [{ group }] : [])),
  ];
}

/** Sent with a changing command. The gateway renews `notAfter` once there is a session to send it in. */
export function changeOf(
  { clock, settings }: Engine,
  { cursor }: Advance,
  what: string,
  server: string,
  group: string | undefined,
): Change {
  const { incident } = cursor;
  const { facts } = incident;
  return {
    notAfter: clock.now() + settings.notAfter * clock.speed,
    caller: `${incident.id} ${what}`,
    scope: scopeOf(currentRun(incident)?.playbook, [incident.server, server], [facts && groupOf(facts), group]),
  };
}
