import { z } from 'zod';
import { sameName } from '../../../incident/names.ts';
import { duration } from '../../world/duration.ts';
import { problem, unknownName } from '../../world/problems.ts';
import { schedule } from '../../world/world.ts';
import { comeBack } from '../machines.ts';
import { startResponder } from '../responders.ts';
import { anywhere, common, type Fault, imapServices, MINUTE, onServer, text } from './fault.ts';

export const SERVER_FAULTS: Fault[] = [
  anywhere({
    name: 'never-returns',
    description: 'a server that restarts does not come back',
    options: z.strictObject(common),
    remove: ({ world, server, now }) => comeBack(world, server, now),
  }),
  anywhere({
    name: 'will-not-move',
    description: 'databases cannot be moved',
    options: z.strictObject({ ...common, database: text.optional() }),
    check({ world, options: { database } }) {
      const known = Object.keys(world.databases);
      if (database !== undefined && !known.some((each) => sameName(each, database)))
        problem('/database', unknownName('database', database, known));
    },
  }),
  onServer({
    name: 'responder-at-work',
    description: 'Managed Availability is restarting a service (5 min)',
    endsWithResponder: true,
    options: z.strictObject({ ...common, for: duration.default(5 * MINUTE), service: text.optional() }),
    begin({ world, server, trouble: { id }, options, now }) {
      const resource = options.service ?? imapServices(server)[0] ?? 'MSExchangeIMAP4';
      const acting = { trouble: id, resource, requester: 'ServiceRestartResponder' };
      startResponder(world, { ...acting, server, at: now });
      schedule(world, { ...acting, server: server.name, at: now + options.for, what: 'responder-ends' });
    },
  }),
  onServer({
    name: 'node-suspended',
    description: 'the cluster node is suspended, as during maintenance',
    options: z.strictObject(common),
    check({ server }) {
      if (!server.dag)
        problem('/server', `${server.name} is not in a database availability group, so it is not a cluster node`);
    },
  }),
  onServer({
    name: 'busy',
    description: '`setup`, `servicing`, `backup`, `seeding` or `pending-update` is in progress',
    options: z.strictObject({
      ...common,
      with: z.enum(['setup', 'servicing', 'backup', 'seeding', 'pending-update']),
    }),
  }),
];
