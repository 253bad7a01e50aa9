import { shortName } from '../incident/alert.ts';
import { currentRun } from '../incident/incident.ts';
import type { Change, KillScope } from '../ports.ts';
import type { Advance } from './advancing.ts';
import type { Engine } from './parts.ts';

/** What the kill switch is asked about. */
export function scopeOf(playbook: string | undefined, servers: string[], group: string | undefined): KillScope[] {
  return [
    ...(playbook ? [{ playbook }] : []),
    ...[...new Set(servers.map(shortName))].map((server) => ({ server })),
    ...(group ? [{ group }] : []),
  ];
}

/** What a changing command carries, made at the moment of sending. */
export function changeOf(
  { clock, settings }: Engine,
  { story }: Advance,
  what: string,
  server: string,
  group: string | undefined,
): Change {
  const { incident } = story;
  return {
    notAfter: clock.now() + settings.notAfter * clock.speed,
    caller: `${incident.id} ${what}`,
    scope: scopeOf(currentRun(incident)?.playbook, [incident.server, server], group),
  };
}
