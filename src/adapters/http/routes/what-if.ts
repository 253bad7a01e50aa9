import { z } from 'zod';
import { writeInstants } from '../../../ports/instants.ts';
import { name } from '../../../sources/fields.ts';
import type { Route, Surroundings } from '../route.ts';
import { check } from './checks.ts';

const alert = z.strictObject({
  server: name().describe('Server of the alert.'),
  healthSet: name().optional().describe('Health set; default: every health set of the server.'),
  monitor: name().optional(),
  targetResource: name().optional(),
});

export function whatIfRoutes({ operations }: Surroundings): Route[] {
  return [
    {
      method: 'post',
      path: '/api/v1/what-if',
      access: 'operator',
      tag: 'what-if',
      summary: 'Answers what would be done now if this alert arrived; runs probes, and changes nothing.',
      body: {
        schema: alert,
        example: { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
        required: true,
      },
      answers: [
        { status: 200, description: 'The verification, the plan, and what every guard says.', schema: 'WhatIf' },
      ],
      problems: ['invalid-request', 'malformed-json', 'too-large', 'unsupported-media-type'],
      async handle({ response, body }) {
        const { server, ...about } = check(alert, body ?? {});
        const gone = new AbortController();
        response.once('close', () => gone.abort());
        const named = Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined));
        response.json(writeInstants(await operations.whatIf({ server, ...named }, gone.signal)));
      },
    },
  ];
}
