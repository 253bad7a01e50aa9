import { z } from 'zod';
import { positiveDuration, writeDuration } from '../config/schema.ts';
import { span } from '../lib/span.ts';
import { describeCopy, isActive } from '../verification/copies.ts';
import { optionsOf, type Step } from './step.ts';

/**
 * Polls Get-MailboxDatabaseCopyStatus until no copy on the server is active. A database that does not move ends the
 * playbook and is named.
 */
export const confirmNoActiveCopies: Step = {
  name: 'confirm-no-active-copies',
  summary: 'Waits until no database is active here; otherwise escalates and names the databases.',
  changes: false,
  proves: 'no-active-copies',
  options: z.strictObject({
    within: positiveDuration.prefault('15m').describe('Maximum time for the moves.'),
    every: positiveDuration.prefault('10s').describe('Time between checks.'),
  }),
  sentence: ({ within, every }) =>
    `Waits up to ${span(within as number)} until no database is active on the server, polling every ${span(every as number)}.`,
  says: () => 'Confirm that no database copy is active here',

  worst: (options) => ({ takes: options.within as number }),

  async begin({ facts, clock }) {
    if (!facts.roles.includes('mailbox'))
      return { begin: 'skip', says: `${facts.server} has no mailbox role, so no databases` };
    return { begin: 'start', note: { startedAt: clock.now() } };
  },

  async poll(context) {
    const { within, every } = optionsOf<{ within: number; every: number }>(context);
    const { incident, record, clock, exchange, signal } = context;
    const { value: copies } = await exchange.copiesOn(incident.server, { signal });
    const active = copies.filter(isActive);
    if (active.length === 0) return { is: 'done', says: `no copy is active on ${incident.server}` };
    const named = active.map(describeCopy).join(', ');
    const deadline = (record.note.startedAt as number) + within;
    if (clock.now() < deadline) {
      const waiting = active.map((copy) => copy.database).join(', ');
      return {
        is: 'pending',
        until: Math.min(deadline, clock.now() + every),
        says: `waiting for ${waiting} to move`,
      };
    }
    return {
      is: 'refused',
      says: `Still active on ${incident.server} after ${writeDuration(within)}: ${named}. A server with active copies is not restarted`,
      result: { databases: active.map((copy) => copy.database) },
    };
  },
};
