import type { Instant } from '../../incident/alert.ts';
import { activeOn, chooseTarget } from '../world/databases.ts';
import { reassess, startMonitors } from '../world/health.ts';
import { type Server, type Service, schedule, type World } from '../world/world.ts';
import { databaseLeft, end, serverBooted, serviceRestarted } from './cures.ts';

/** Stops a service and schedules its start `service-restart` later. */
export function restart(world: World, server: Server, service: Service, now: Instant): void {
  const at = now + world.settings['service-restart'];
  service.status = 'StopPending';
  service.runsAgainAt = at;
  reassess(world, server, now);
  schedule(world, { at, what: 'service-runs', server: server.name, service: service.name });
}

/** The end of a restart. The service of a proxy stops again if its component is Inactive. */
export function runAgain(world: World, server: Server, name: string, now: Instant): void {
  const service = server.services[name.toLowerCase()];
  if (!service || server.boot) return;
  delete service.runsAgainAt;
  if (stoppedByDesign(server, name)) {
    stop(service);
  } else {
    service.status = 'Running';
    service.startedAt = now;
    serviceRestarted(world, server.name, name, now);
  }
  reassess(world, server, now);
}

export function stop(service: Service): void {
  service.status = 'Stopped';
  delete service.startedAt;
  delete service.runsAgainAt;
}

/** Whether a service is stopped because its proxy component is Inactive. Draining stops no service. */
export function stoppedByDesign(server: Server, service: string): boolean {
  return server.inactive.some(
    ({ component, draining, serviceRuns }) =>
      !draining && !serviceRuns && SERVICE_OF[component.toLowerCase()] === service.toLowerCase(),
  );
}

/** The services that stop while their component is Inactive; both names in lower case. */
export const SERVICE_OF: Record<string, string> = { imapproxy: 'msexchangeimap4', popproxy: 'msexchangepop3' };

/** Takes the server down and schedules the rest of the reboot. */
export function reboot(world: World, server: Server, now: Instant, neverReturns: boolean): void {
  server.boot = { stage: 'down', neverReturns };
  for (const service of Object.values(server.services)) stop(service);
  // Other servers take over databases one after the other; a database that none can take waits for its server.
  activeOn(world, server.name).forEach((name, index) => {
    world.databases[name]!.dismounted = true;
    planMove(world, server.name, name, now, index);
  });
  planBoot(world, server, now, neverReturns);
}

/** Lets a server return that did not return from its reboot. */
export function comeBack(world: World, server: Server, now: Instant): void {
  if (!server.boot?.neverReturns) return;
  server.boot.neverReturns = false;
  planBoot(world, server, now, false);
}

function planBoot(world: World, server: Server, now: Instant, neverReturns: boolean): void {
  const stages = ['boots', 'remoting', 'services', 'warm'] as const;
  // A reboot during another one starts over.
  world.agenda = world.agenda.filter(
    (next) => !('server' in next && next.server === server.name && stages.some((stage) => stage === next.what)),
  );
  if (neverReturns) return;
  for (const stage of stages) {
    schedule(world, { at: now + world.settings.reboot[stage], what: stage, server: server.name });
  }
}

export function goOnBooting(
  world: World,
  server: Server,
  stage: 'boots' | 'remoting' | 'services' | 'warm',
  now: Instant,
): void {
  if (!server.boot) return;
  if (stage === 'boots') {
    server.bootedAt = now;
    serverBooted(world, server.name, now);
  } else if (stage === 'remoting') {
    server.boot.stage = 'remoting';
    for (const service of automatic(server)) service.status = 'StartPending';
  } else if (stage === 'services') {
    server.boot.stage = 'services';
    for (const service of automatic(server)) {
      if (stoppedByDesign(server, service.name)) {
        stop(service);
        continue;
      }
      service.status = 'Running';
      service.startedAt = now;
    }
    for (const name of activeOn(world, server.name)) world.databases[name]!.dismounted = false;
    for (const { copies } of Object.values(world.databases)) delete copies[server.name]?.status;
    for (const group of Object.values(world.groups)) {
      if (group.nodesDown) group.nodesDown = group.nodesDown.filter((member) => member !== server.name);
    }
  } else {
    delete server.boot;
    startMonitors(world, server, now);
  }
}

function automatic(server: Server): Service[] {
  return Object.values(server.services).filter(
    ({ startType, staysDown }) => startType === 'Automatic' && staysDown === undefined,
  );
}

/** Moves all active databases away, one by one, if possible. */
export function drain(world: World, server: Server, now: Instant): void {
  activeOn(world, server.name).forEach((name, index) => {
    planMove(world, server.name, name, now, index);
  });
}

function planMove(world: World, server: string, database: string, now: Instant, before: number): void {
  const at = now + world.settings['database-move'] * (before + 1);
  schedule(world, { at, what: 'database-moves', server, database });
}

/** The end of a move: the copy is active elsewhere, or has an error. */
export function move(world: World, server: Server, name: string, now: Instant): void {
  const database = world.databases[name];
  // The block was lifted, the server is up again, or the database was moved by someone else.
  if (database?.activeOn !== server.name || !(server.activationBlocked || database.dismounted)) return;
  const copy = database.copies[server.name]!;
  const chosen = chooseTarget(world, name);
  if ('reason' in chosen) {
    copy.error = `Database ${name} was not moved from ${server.name}: ${chosen.reason}.`;
    useUpRefusedMove(world, server.name, name, now);
    return;
  }
  for (const moved of [copy, database.copies[chosen.target]!]) {
    delete moved.error;
    delete moved.status;
  }
  database.activeOn = chosen.target;
  database.dismounted = false;
  databaseLeft(world, server.name, now);
}

/** Counts a refused move against `times` of `will-not-move`. */
function useUpRefusedMove(world: World, server: string, database: string, now: Instant): void {
  for (const trouble of Object.values(world.troubles)) {
    if (trouble.kind !== 'will-not-move' || trouble.state !== 'present' || trouble.timesLeft === undefined) continue;
    const named = trouble.body.database;
    if (named !== undefined && String(named).toLowerCase() !== database.toLowerCase()) continue;
    if (trouble.server !== undefined && trouble.server !== server) continue;
    if (--trouble.timesLeft <= 0) end(world, trouble.id, 'used up', now);
  }
}
