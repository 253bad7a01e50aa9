/** Faults of services and of the components that they work for; each varies by itself. */
import type { Instant } from '../../incident/alert.ts';
import { sameName } from '../../incident/names.ts';
import { problem, unknownName } from '../world/problems.ts';
import type { Server, Service, Trouble, World } from '../world/world.ts';
import { runAgain, SERVICE_OF, stop, stoppedByDesign } from './machines.ts';

/** A requester takes a component out of service. */
export function takeOut(server: Server, { id, body }: Trouble): void {
  const component = String(body.component);
  server.inactive.push({
    component,
    requester: String(body.requester),
    ...(body.state === 'Draining' && { draining: true }),
    ...(body.service === 'runs' && { serviceRuns: true }),
    trouble: id,
  });
  const service = server.services[SERVICE_OF[component.toLowerCase()] ?? ''];
  if (service?.status === 'Running' && stoppedByDesign(server, service.name)) stop(service);
}

/** What a trouble has taken out of service is in service again; a service that was stopped by it starts. */
export function putIn(world: World, server: Server, id: string, now: Instant): void {
  const lifted = server.inactive.filter((each) => each.trouble === id);
  server.inactive = server.inactive.filter((each) => each.trouble !== id);
  for (const { component } of lifted) {
    const service = server.services[SERVICE_OF[component.toLowerCase()] ?? ''];
    const starts = service?.status === 'Stopped' && service.startType !== 'Disabled';
    if (starts) runAgain(world, server, service.name, now);
  }
}

export function serviceNamed(server: Server, name: unknown): Service {
  const known = Object.values(server.services);
  const found = known.find((each) => sameName(each.name, String(name)));
  return (
    found ??
    problem(
      '/service',
      unknownName(
        'service',
        String(name),
        known.map((each) => each.name),
      ),
    )
  );
}

/** Somebody (or nobody knows what) stopped a service, set how it starts, or keeps it from starting. */
export function setService(trouble: Trouble, service: Service, now: Instant): void {
  const { status, startType, startsAtBoot } = trouble.body as Partial<Service> & { startsAtBoot: boolean };
  trouble.before = { status: service.status, startType: service.startType };
  if (startType) service.startType = startType;
  if (!startsAtBoot) service.staysDown = true;
  if (status === 'Stopped') stop(service);
  else if (status) {
    service.status = status;
    service.startedAt ??= now;
  }
}

export function restoreService(world: World, server: Server, { before, body }: Trouble, now: Instant): void {
  const service = serviceNamed(server, body.service);
  delete service.staysDown;
  if (!before) return;
  service.startType = before.startType;
  if (before.status === 'Running' && service.status !== 'Running') runAgain(world, server, service.name, now);
}

export function releaseHungService(world: World, server: Server, name: string, now: Instant): void {
  const service = server.services[name.toLowerCase()];
  if (service?.status === 'StopPending' && service.runsAgainAt === undefined) runAgain(world, server, name, now);
}
