import { z } from 'zod';
import type { Step } from './step.ts';

/** The mailbox server that the failing probe named; verification already checked its name against the organisation. */
export const identifyMailboxServer: Step = {
  name: 'identify-mailbox-server',
  summary: 'Finds the mailbox server in the error of the failing probe; escalates if there is none.',
  changes: false,
  options: z.strictObject({}),
  sentence: () => 'Finds the mailbox server behind the server in the error of the failing probe.',
  says: () => 'Identify the mailbox server behind it',

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll({ incident }) {
    if (!incident.backEnd) {
      return {
        is: 'refused',
        says: 'The failing probe named no mailbox server of this organisation (verification.back-end-pattern), so the problem may be behind this server',
      };
    }
    return { is: 'done', says: `the mailbox server is ${incident.backEnd}`, result: { server: incident.backEnd } };
  },
};
