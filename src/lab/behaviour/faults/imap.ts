import { z } from 'zod';
import { activeOn } from '../../world/databases.ts';
import { backEndsOf, watchesOf } from '../../world/health.ts';
import type { Part } from '../../world/health-sets.ts';
import { problem } from '../../world/problems.ts';
import type { Cause, Cure, Server, World } from '../../world/world.ts';
import { addCause, isBroken, removeCauses } from '../cures.ts';
import { common, type Fault, findServer, imapServices, onServer, rolesOf, text } from './fault.ts';

/** A failing part of a server: the result of its probes and its cure. */
interface Sickness {
  part: Part;
  cure: 'restart' | 'boot' | 'databases-away';
  hangs: boolean;
  says: string;
}

/** Parts whose failure can also break log-ons through another server. */
const BACK_END = {
  'imap-backend-hang': {
    part: 'imap-back-end',
    cure: 'restart',
    hangs: true,
    says: 'The IMAP4 back end accepted the connection and did not answer',
  },
  'imap-backend-wedged': {
    part: 'imap-back-end',
    cure: 'boot',
    hangs: false,
    says: 'The IMAP4 back end closed the connection: insufficient system resources',
  },
  'imap-store-stuck': {
    part: 'imap-store',
    cure: 'databases-away',
    hangs: false,
    says: 'NO Server Unavailable: the mailbox database did not answer',
  },
} satisfies Record<string, Sickness>;

const SLOW: Sickness = {
  part: 'imap-load',
  cure: 'restart',
  hangs: false,
  says: 'The average command takes longer than 60 seconds',
};

export const IMAP_FAULTS: Fault[] = [
  failingPart({
    name: 'imap-backend-hang',
    description: 'the IMAP back end accepts connections but does not answer',
    endedBy: 'a restart of MSExchangeIMAP4BE',
    ...BACK_END['imap-backend-hang'],
  }),
  failingPart({
    name: 'imap-backend-wedged',
    description: 'the IMAP back end drops connections',
    endedBy: 'a reboot',
    ...BACK_END['imap-backend-wedged'],
  }),
  failingPart({
    name: 'imap-store-stuck',
    description: 'a mailbox database does not answer',
    endedBy: 'moving its databases away',
    ...BACK_END['imap-store-stuck'],
  }),
  failingPart({
    name: 'imap-proxy-hang',
    description: 'the IMAP proxy accepts connections but does not answer',
    endedBy: 'a restart of MSExchangeIMAP4',
    part: 'imap-front-end',
    cure: 'restart',
    hangs: true,
    says: 'The IMAP4 proxy accepted the connection and did not answer',
  }),
  failingPart({
    name: 'imap-proxy-wedged',
    description: 'the IMAP proxy drops connections',
    endedBy: 'a reboot',
    part: 'imap-front-end',
    cure: 'boot',
    hangs: false,
    says: 'The IMAP4 proxy closed the connection: insufficient system resources',
  }),
  failingPart({
    name: 'imap-slow',
    description: 'commands take longer than a minute',
    endedBy: "a restart of the server's IMAP services",
    ...SLOW,
  }),
  {
    ...failingPart({
      name: 'imap-slow-relapse',
      description: 'commands take longer than a minute; the fault returns twelve minutes after each restart',
      endedBy: 'a reboot',
      ...SLOW,
    }),
    turn({ world, server, trouble, now }) {
      if (isBroken(world, trouble.id)) removeCauses(world, trouble.id, now);
      else addCause(world, server!.name, sicknessOf(world, server!, 'imap-slow-relapse', SLOW, trouble.id), now);
      if (trouble.timesLeft === undefined || --trouble.timesLeft > 0) return;
      // The last relapse: the next restart cures it.
      trouble.kind = 'imap-slow';
      delete trouble.timesLeft;
    },
  },
  onServer({
    name: 'imap-ctp-backend',
    description: 'some log-ons through a client access server fail, because one of its back ends is unhealthy',
    endedBy: 'curing the back end',
    options: z.strictObject({
      ...common,
      backend: text,
      backendFault: z
        .enum(['imap-backend-hang', 'imap-backend-wedged', 'imap-store-stuck'])
        .default('imap-backend-wedged'),
    }),
    causes({ world, server, trouble, options }) {
      if (!server.roles.includes('client-access')) {
        problem('/server', `${server.name} runs no client-touch-point probes: ${rolesOf(server)}`);
      }
      const backEnd = findServer(world, options.backend, '/backend');
      const reached = backEndsOf(world, server);
      if (!reached.includes(backEnd.name)) {
        problem('/backend', `${server.name} does not reach ${backEnd.name}; its probes go to ${reached.join(', ')}`);
      }
      const { backendFault } = options;
      const route: Cause = {
        trouble: trouble.id,
        sits: { part: 'imap-ctp-route' },
        rowOnly: false,
        cure: { by: 'back-end', server: backEnd.name },
        says: `The back end ${backEnd.name} failed some of the log-ons`,
        hangs: false,
        backEnd: backEnd.name,
      };
      return [
        [backEnd.name, sicknessOf(world, backEnd, backendFault, BACK_END[backendFault], trouble.id)],
        [server.name, route],
      ];
    },
  }),
];

/** A fault that only makes a part of its server fail. */
function failingPart({
  name,
  description,
  endedBy,
  ...sickness
}: Sickness & { name: string; description: string; endedBy: string }): Fault {
  return onServer({
    name,
    description,
    endedBy,
    options: z.strictObject(common),
    causes: ({ world, server, trouble }) => [[server.name, sicknessOf(world, server, name, sickness, trouble.id)]],
  });
}

function sicknessOf(world: World, server: Server, name: string, sickness: Sickness, trouble: string): Cause {
  const { part, cure, says, hangs } = sickness;
  if (!watchesOf(server, world.settings).some((watch) => watch.looksAt.includes(part))) {
    problem('/server', `${server.name} has no monitor that could show ${name}: ${rolesOf(server)}`);
  }
  if (cure === 'databases-away' && activeOn(world, server.name).length === 0) {
    problem('/server', `${server.name} has no active database that could be stuck`);
  }
  const services = imapServices(server);
  const restarted =
    part === 'imap-load' ? services : services.filter((one) => one.endsWith('BE') === (part !== 'imap-front-end'));
  const cures: Record<Sickness['cure'], Cure> = {
    restart: { by: 'restart-service', services: restarted, still: [...restarted] },
    boot: { by: 'restart-server' },
    'databases-away': { by: 'databases-away' },
  };
  return { trouble, sits: { part }, rowOnly: false, cure: cures[cure], says, hangs };
}
