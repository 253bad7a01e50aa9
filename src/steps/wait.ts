import { z } from 'zod';
import { positiveDuration, writeDuration } from '../config/schema.ts';
import { span } from '../lib/span.ts';
import { optionsOf, type Step } from './step.ts';

export const wait: Step = {
  name: 'wait',
  summary: 'Waits. The wait occupies no worker and survives restarts.',
  shorthand: 'for',
  changes: false,
  options: z.strictObject({ for: positiveDuration.describe('How long to wait.') }),
  sentence: (options) => `Waits ${span(options.for as number)}.`,
  says: (options) => `Wait ${writeDuration(options.for as number)}`,

  worst: (options) => ({ takes: options.for as number }),

  async begin({ clock }) {
    return { begin: 'start', note: { startedAt: clock.now() } };
  },

  async poll(context) {
    const until = (context.record.note.startedAt as number) + optionsOf<{ for: number }>(context).for;
    if (context.clock.now() < until) return { is: 'pending', until, says: 'waiting, as the playbook says' };
    return { is: 'done', says: 'waited' };
  },
};
