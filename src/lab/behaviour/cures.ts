import type { Instant } from '../../incident/alert.ts';
import { sameName } from '../../incident/names.ts';
import { activeOn } from '../world/databases.ts';
import { reassess } from '../world/health.ts';
import { type Cause, schedule, type World } from '../world/world.ts';

/** Adds a cause; probes that depend on its part fail from now on. */
export function addCause(world: World, server: string, cause: Cause, now: Instant): void {
  world.causes[server] = [...(world.causes[server] ?? []), cause];
  reassessServers(world, server, now);
}

/** Removes all causes of a trouble. */
export function removeCauses(world: World, trouble: string, now: Instant): void {
  for (const [server, causes] of Object.entries(world.causes)) {
    const left = causes.filter((cause) => cause.trouble !== trouble);
    if (left.length === causes.length) continue;
    keep(world, server, left);
    reassessServers(world, server, now);
  }
}

/** Whether a trouble has a cause. */
export function isBroken(world: World, trouble: string): boolean {
  return Object.values(world.causes).some((causes) => causes.some((cause) => cause.trouble === trouble));
}

/** Cures what a restart of the service cures. */
export function serviceRestarted(world: World, server: string, service: string, now: Instant): void {
  for (const cause of [...(world.causes[server] ?? [])]) {
    if (cause.cure.by !== 'restart-service') continue;
    cause.cure.still = cause.cure.still.filter((name) => name.toLowerCase() !== service.toLowerCase());
    if (cause.cure.still.length > 0) continue;
    const comesBack = world.troubles[cause.trouble]?.kind === 'imap-slow-relapse';
    if (!comesBack) {
      cured(world, server, cause, now);
      continue;
    }
    remove(world, server, cause, now);
    const at = now + world.settings['relapse-after'];
    schedule(world, { at, what: 'relapse', trouble: cause.trouble });
  }
  reassessServers(world, server, now);
}

/** Cures what a restart of services or of the server cures. */
export function serverBooted(world: World, server: string, now: Instant): void {
  for (const trouble of Object.values(world.troubles)) {
    // Between a restart and its relapse there is no cause, but a reboot ends the trouble too.
    if (trouble.kind === 'imap-slow-relapse' && trouble.server === server && trouble.state === 'present') {
      world.agenda = world.agenda.filter((next) => !(next.what === 'relapse' && next.trouble === trouble.id));
      removeCauses(world, trouble.id, now);
      end(world, trouble.id, 'cured', now);
    }
  }
  for (const cause of [...(world.causes[server] ?? [])]) {
    if (cause.cure.by === 'restart-service' || cause.cure.by === 'restart-server') cured(world, server, cause, now);
  }
}

/** Cures what a script of the admin cures. */
export function scriptSucceeded(world: World, server: string, script: string, now: Instant): void {
  for (const cause of [...(world.causes[server] ?? [])]) {
    if (cause.cure.by === 'run-script' && sameName(cause.cure.script, script)) cured(world, server, cause, now);
  }
}

/** Cures what a server without active databases cures. */
export function databaseLeft(world: World, server: string, now: Instant): void {
  if (activeOn(world, server).length === 0) {
    for (const cause of [...(world.causes[server] ?? [])]) {
      if (cause.cure.by === 'databases-away') cured(world, server, cause, now);
    }
  }
  reassessRoutes(world, now);
}

/** Ends the record of a trouble, without its causes. */
export function end(world: World, id: string, state: 'cured' | 'used up', now: Instant): void {
  const trouble = world.troubles[id];
  if (trouble?.state !== 'present') return;
  Object.assign(trouble, { state, endedAt: now });
  world.disturbances = world.disturbances.filter((other) => other !== id);
}

function cured(world: World, server: string, cause: Cause, now: Instant): void {
  const trouble = world.troubles[cause.trouble];
  if (trouble?.timesLeft !== undefined && trouble.timesLeft > 1) {
    trouble.timesLeft--;
    if (cause.cure.by === 'restart-service') cause.cure.still = [...cause.cure.services];
    return;
  }
  remove(world, server, cause, now);
  // The route to a back end is healthy again when the back end is.
  for (const [other, causes] of Object.entries(world.causes)) {
    for (const route of causes.filter(({ trouble: id, cure }) => id === cause.trouble && cure.by === 'back-end')) {
      remove(world, other, route, now);
    }
  }
  if (!isBroken(world, cause.trouble)) end(world, cause.trouble, 'cured', now);
}

function remove(world: World, server: string, cause: Cause, now: Instant): void {
  keep(
    world,
    server,
    (world.causes[server] ?? []).filter((other) => other !== cause),
  );
  reassessServers(world, server, now);
}

function keep(world: World, server: string, causes: Cause[]): void {
  if (causes.length > 0) world.causes[server] = causes;
  else delete world.causes[server];
}

function reassessServers(world: World, server: string, now: Instant): void {
  const seen = server === '*' ? Object.values(world.servers) : [world.servers[server]!];
  for (const each of seen) reassess(world, each, now);
}

/** Which back ends a route reaches depends on where databases are active. */
function reassessRoutes(world: World, now: Instant): void {
  for (const [server, causes] of Object.entries(world.causes)) {
    if (causes.some((cause) => cause.cure.by === 'back-end')) reassessServers(world, server, now);
  }
}
