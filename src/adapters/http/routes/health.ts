import type { Readiness } from '../../../ports/operations.ts';
import type { Route, Surroundings } from '../route.ts';
import { shared } from '../shared.ts';

export function healthRoutes({ operations, version }: Surroundings): Route[] {
  // Anybody may ask, and it asks the store and Exchange.
  const readiness = shared(() => operations.readiness().catch(unknown));
  return [
    {
      method: 'get',
      path: '/healthz',
      access: 'open',
      tag: 'health',
      summary: 'Alive: the process answers.',
      answers: [{ status: 200, description: 'It does.', schema: 'Alive' }],
      problems: [],
      handle({ response }) {
        response.json({ alive: true, version });
      },
    },
    {
      method: 'get',
      path: '/readyz',
      access: 'open',
      tag: 'health',
      summary: 'Ready: able to take alerts and to act on them, each part named.',
      answers: [
        { status: 200, description: 'Every part is well.', schema: 'Readiness' },
        { status: 503, description: 'A part is not.', schema: 'Readiness' },
      ],
      problems: [],
      async handle({ response }) {
        const answer = await readiness();
        response.status(answer.ready ? 200 : 503).json(answer);
      },
    },
  ];
}

const unknown = (error: Error): Readiness => ({
  ready: false,
  parts: [{ part: 'store', ok: false, says: error.message }],
});
