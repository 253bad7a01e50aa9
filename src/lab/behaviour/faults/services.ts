import { z } from 'zod';
import { sameName } from '../../../incident/names.ts';
import { establish, reassess } from '../../world/health.ts';
import { problem, unknownName } from '../../world/problems.ts';
import type { Server, Service } from '../../world/world.ts';
import { runAgain, SERVICE_OF, stop, stoppedByDesign } from '../machines.ts';
import { anywhere, common, type Fault, type FaultContext, onServer, text } from './fault.ts';

export const SERVICE_FAULTS: Fault[] = [
  onServer({
    name: 'component-inactive',
    description:
      'a component is out of service; an Inactive one stops its service, as designed, or the service keeps running',
    endedBy: '`DELETE`',
    options: z.strictObject({
      ...common,
      component: text,
      requester: text.default('HealthAPI'),
      state: z.enum(['Inactive', 'Draining']).default('Inactive'),
      /** State of its service: it stops by design, but keeps running on some servers (KB 3025138). */
      service: z.enum(['stops', 'runs']).default('stops'),
    }),
    begin(here) {
      const { server, trouble, options } = here;
      const { component, requester } = options;
      server.inactive.push({
        component,
        requester,
        ...(options.state === 'Draining' && { draining: true }),
        ...(options.service === 'runs' && { serviceRuns: true }),
        trouble: trouble.id,
      });
      const service = serviceOf(server, component);
      if (service?.status === 'Running' && stoppedByDesign(server, service.name)) stop(service);
      show(here);
    },
    remove({ world, server, trouble, now }) {
      const lifted = server.inactive.filter((each) => each.trouble === trouble.id);
      server.inactive = server.inactive.filter((each) => each.trouble !== trouble.id);
      for (const { component } of lifted) {
        const service = serviceOf(server, component);
        const starts = service?.status === 'Stopped' && service.startType !== 'Disabled';
        if (starts) runAgain(world, server, service.name, now);
      }
    },
  }),
  onServer({
    name: 'service-state',
    description:
      'a service is stopped, hangs or runs, and starts as configured; with `startsAtBoot: false` no boot starts it',
    endedBy: '`DELETE`',
    options: z.strictObject({
      ...common,
      service: text,
      status: z.enum(['Running', 'Stopped', 'StartPending', 'StopPending']).optional(),
      startType: z.enum(['Automatic', 'Manual', 'Disabled']).optional(),
      /** Whether a boot starts it, if its start type is Automatic. */
      startsAtBoot: z.boolean().default(true),
    }),
    check: ({ server, options }) => void serviceNamed(server, options.service),
    begin(here) {
      const { server, trouble, options, now } = here;
      const { status, startType, startsAtBoot } = options;
      const service = serviceNamed(server, options.service);
      trouble.before = { status: service.status, startType: service.startType };
      if (startType) service.startType = startType;
      if (!startsAtBoot) service.staysDown = true;
      if (status === 'Stopped') stop(service);
      else if (status) {
        service.status = status;
        service.startedAt ??= now;
      }
      show(here);
    },
    remove({ world, server, trouble: { before }, options, now }) {
      const service = serviceNamed(server, options.service);
      delete service.staysDown;
      if (!before) return;
      service.startType = before.startType;
      if (before.status === 'Running' && service.status !== 'Running') runAgain(world, server, service.name, now);
    },
  }),
  anywhere({
    name: 'stop-hangs',
    description: 'the service hangs while it stops',
    options: z.strictObject({ ...common, service: text }),
    remove({ world, server, options, now }) {
      const service = server.services[options.service.toLowerCase()];
      if (service?.status === 'StopPending' && service.runsAgainAt === undefined)
        runAgain(world, server, options.service, now);
    },
  }),
];

/** Rows show it since a while, or from now on at their own pace. */
function show({ world, server, options, now }: FaultContext<{ onset?: boolean | undefined }, Server>): void {
  reassess(world, server, now);
  if (!options.onset) establish(world, server, now - world.settings['established-for']);
}

function serviceOf(server: Server, component: string): Service | undefined {
  return server.services[SERVICE_OF[component.toLowerCase()] ?? ''];
}

function serviceNamed(server: Server, name: string): Service {
  const known = Object.values(server.services);
  const found = known.find((each) => sameName(each.name, name));
  const names = known.map((each) => each.name);
  return found ?? problem('/service', unknownName('service', name, names));
}
