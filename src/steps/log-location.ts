import { z } from 'zod';
import type { Protocol } from '../ports/exchange.ts';
import { optionsOf, type Step } from './step.ts';

/** Records where the protocol log is, for anyone who reads the escalation. */
export const logLocation: Step = {
  name: 'log-location',
  summary: 'Records the location of the protocol log as evidence.',
  shorthand: 'protocol',
  changes: false,
  options: z.strictObject({ protocol: z.enum(['imap', 'pop']).default('imap').describe('The protocol.') }),
  sentence: ({ protocol }) => `Records the folder of the ${String(protocol).toUpperCase()} protocol log as evidence.`,
  says: ({ protocol }) => `Note the location of the ${protocol} protocol log`,

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll(context) {
    const { protocol } = optionsOf<{ protocol: Protocol }>(context);
    const { server } = context.incident;
    const { value: log } = await context.exchange.protocolLog(server, protocol, { signal: context.signal });
    const says = `the ${protocol} protocol log of ${server} is in ${log.location}`;
    return { is: 'done', says, result: { location: log.location } };
  },
};
