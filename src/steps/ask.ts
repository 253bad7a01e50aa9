import { z } from 'zod';
import { positiveDuration, writeDuration } from '../config/schema.ts';
import { span } from '../lib/span.ts';
import type { Question, Step } from './step.ts';

/** A person must approve before the playbook goes on. The engine asks, and waits without occupying a worker. */
export const ask: Step = {
  name: 'ask',
  summary: 'Asks a person to approve going on. No answer in time, or a rejection, escalates the incident.',
  shorthand: 'question',
  changes: false,
  options: z.strictObject({
    question: z
      .string()
      .trim()
      .min(1, 'is empty')
      .max(300, 'is longer than 300 characters')
      .describe('What the person decides, so that approving means yes.'),
    role: z
      .enum(['operator', 'admin'])
      .default('operator')
      .describe('Who may approve it: an operator, or only an admin.'),
    within: positiveDuration.prefault('2h').describe('How long to wait for the answer.'),
  }),
  sentence: ({ question, role, within }) =>
    `Asks ${role === 'admin' ? 'an admin' : 'a person'} to approve “${question}” and waits up to ${span(within as number)}. A rejection or no answer ends the playbook: the incident is escalated.`,
  says: ({ question, role, within }) =>
    `Ask ${role === 'admin' ? 'an admin' : 'a person'} within ${writeDuration(within as number)}: ${question}`,
  asks: ({ question, role, within }) => ({ question, role, within }) as Question,

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll({ incident, record }) {
    const by = incident.approvals.filter(({ n }) => n === record.step.n).map((one) => one.by);
    return { is: 'done', says: `approved by ${by.join(' and ')}` };
  },
};
