import { z } from 'zod';
import { optionsOf, type Step } from './step.ts';

/** Sends a message to people, at least once. */
export const notify: Step = {
  name: 'notify',
  summary: 'Sends people a message.',
  shorthand: 'message',
  changes: false,
  options: z.strictObject({ message: z.string().min(1).max(1000).describe('The message.') }),
  sentence: ({ message }) => `Sends people the message “${message}”.`,
  says: ({ message }) => `Notify: ${message}`,

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll(context) {
    const { message } = optionsOf<{ message: string }>(context);
    await context.notify(`${context.incident.server}: ${message}`, message);
    return { is: 'done', says: 'sent' };
  },
};
