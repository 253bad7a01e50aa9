import { z } from 'zod';
import { currentRun } from '../incident/incident.ts';
import { optionsOf, type Step } from './step.ts';

/** The end of a procedure. Implied at the end of every playbook; explicit where Microsoft's page says so. */
export const escalate: Step = {
  name: 'escalate',
  summary: 'Escalates to a person. Implied at the end of every playbook.',
  shorthand: 'to',
  changes: false,
  options: z.strictObject({
    to: z.string().min(1).max(200).default('the person on call').describe('The people to name in the escalation.'),
  }),
  sentence: ({ to }) =>
    `Escalates to ${to}: the notification names the evidence, every step with its result, and what is still changed.`,
  says: ({ to }) => `Escalate to ${to}`,

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll(context) {
    const { to } = optionsOf<{ to: string }>(context);
    const playbook = currentRun(context.incident)?.playbook;
    const reason = `Still unhealthy at the end of playbook ${playbook}: ${context.incident.verified?.reason}. Next: ${to}`;
    return { is: 'done', says: `escalates to ${to}`, escalate: reason, exhausted: true };
  },
};
