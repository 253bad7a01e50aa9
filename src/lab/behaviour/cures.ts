import type { Instant } from '../../incident/alert.ts';
import { activeOn } from '../world/databases.ts';
import { reassess } from '../world/health.ts';
import { type Cause, schedule, type World } from '../world/world.ts';

/** Puts a cause in place; probes that look there fail from now on. */
export function breakIt(world: World, server: string, cause: Cause, now: Instant): void {
  world.causes[server] = [...(world.causes[server] ?? []), cause];
  look(world, server, now);
}

/** Takes away all causes of a trouble, for whatever reason. */
export function mend(world: World, trouble: string, now: Instant): void {
  for (const [server, causes] of Object.entries(world.causes)) {
    const left = causes.filter((cause) => cause.trouble !== trouble);
    if (left.length === causes.length) continue;
    keep(world, server, left);
    look(world, server, now);
  }
}

/** Whether a trouble has a cause in place. */
export function isBroken(world: World, trouble: string): boolean {
  return Object.values(world.causes).some((causes) => causes.some((cause) => cause.trouble === trouble));
}

/** A service has started again: what that cures is gone. */
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
  look(world, server, now);
}

/** A boot cures what a restart of services cures, and what only a boot does. */
export function serverBooted(world: World, server: string, now: Instant): void {
  for (const trouble of Object.values(world.troubles)) {
    // Between a restart and its relapse there is no cause to find, but the reboot ends it all the same.
    if (trouble.kind === 'imap-slow-relapse' && trouble.server === server && trouble.state === 'present') {
      world.agenda = world.agenda.filter((next) => !(next.what === 'relapse' && next.trouble === trouble.id));
      mend(world, trouble.id, now);
      end(world, trouble.id, 'cured', now);
    }
  }
  for (const cause of [...(world.causes[server] ?? [])]) {
    if (cause.cure.by === 'restart-service' || cause.cure.by === 'restart-server') cured(world, server, cause, now);
  }
}

/** A database has left a server, or none was there. */
export function databaseLeft(world: World, server: string, now: Instant): void {
  if (activeOn(world, server).length === 0) {
    for (const cause of [...(world.causes[server] ?? [])]) {
      if (cause.cure.by === 'databases-away') cured(world, server, cause, now);
    }
  }
  lookAtRoutes(world, now);
}

/** Ends a trouble's record; what it broke is not touched. */
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
  // The way to a back end is well again when the back end is.
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
  look(world, server, now);
}

function keep(world: World, server: string, causes: Cause[]): void {
  if (causes.length > 0) world.causes[server] = causes;
  else delete world.causes[server];
}

function look(world: World, server: string, now: Instant): void {
  const seen = server === '*' ? Object.values(world.servers) : [world.servers[server]!];
  for (const each of seen) reassess(world, each, now);
}

/** Databases decide which back ends are reached. */
function lookAtRoutes(world: World, now: Instant): void {
  for (const [server, causes] of Object.entries(world.causes)) {
    if (causes.some((cause) => cause.cure.by === 'back-end')) look(world, server, now);
  }
}
