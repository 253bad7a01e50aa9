import { z } from 'zod';
import { optionsOf, type Step } from './step.ts';

/** Tells people something on the way, at least once. */
export const notify: Step = {
  name: 'notify',
  summary: 'Tells people something on the way.',
  shorthand: 'message',
  changes: false,
  options: z.strictObject({ message: z.string().min(1).max(1000).describe('What to say.') }),
  says: ({ message }) => `Notify: ${message}`,

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll(context) {
    const { message } = optionsOf<{ message: string }>(context);
    await context.notify(`${context.incident.server}: ${message}`, message);
    return { is: 'done', says: 'told' };
  },
};
