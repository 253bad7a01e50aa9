import { z } from 'zod';
import { ANY_FAMILY, familyOf } from '../incident/alert.ts';
import { verifyHandled } from './handled.ts';
import { optionsOf, type Step } from './step.ts';

/** Time between polls of the child incident (organisation's ms). */
const POLL_EVERY = 60_000;

/**
 * Opens a child incident on the mailbox server behind this one, which verifies it and recovers it if it is unhealthy.
 * If that server is healthy or recovered, this server's own monitors are verified again. Otherwise this incident ends
 * too, and nothing is restarted.
 */
export const remediate: Step = {
  name: 'remediate',
  summary: 'Recovers the mailbox server behind this one in a child incident, then verifies this server again.',
  shorthand: 'health-sets',
  changes: false,
  verifies: true,
  options: z.strictObject({
    'health-sets': z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9]*\*?$/, 'names a family: the first part of its health sets, such as "IMAP*"')
      .describe('The health sets to recover on that server.'),
  }),
  sentence: (options) =>
    `Verifies ${options['health-sets']} on the mailbox server behind the server and, if it is unhealthy, recovers it first, in an incident of its own with its own playbooks. If it can't be recovered, a person is notified and nothing is restarted here; otherwise the handled monitors are verified again here.`,
  says: (options) => `Recover ${options['health-sets']} on the mailbox server behind it`,

  worst: () => ({ disrupts: 'the mailbox server behind it may be treated too, by its own playbook' }),

  async begin({ incident }) {
    const { backEnd, server, parent } = incident;
    if (!backEnd) return { begin: 'refuse', says: 'No mailbox server was identified' };
    if (backEnd === server)
      return { begin: 'skip', says: `${server} is its own mailbox server; its monitors are handled here` };
    if (parent)
      return {
        begin: 'refuse',
        says: `${server} is already handled for another incident; child incidents do not nest`,
      };
    return { begin: 'start', note: { server: backEnd } };
  },

  async poll(context) {
    const { record, clock } = context;
    const server = record.note.server as string;
    const family = optionsOf<{ 'health-sets': string }>(context)['health-sets'].replace(/\*$/, '');
    const child = record.child ?? (await context.openChild(server, familyOf(family) || ANY_FAMILY)).incident;
    const ended = await context.outcomeOf(child);
    if (!ended)
      return { is: 'pending', until: clock.now() + POLL_EVERY, says: `incident ${child} is handling ${server}` };
    const result = { incident: child, server, outcome: ended.outcome };
    if (ended.outcome !== 'recovered' && ended.outcome !== 'transient') {
      return {
        is: 'refused',
        says: `${server}, which is behind it, was not recovered (${ended.outcome}): ${ended.reason}`,
        result,
      };
    }
    const changed = ended.outcome === 'recovered';
    const seen = await verifyHandled(context);
    return seen.is === 'done' || seen.is === 'refused' ? { ...seen, result, changed } : seen;
  },
};
