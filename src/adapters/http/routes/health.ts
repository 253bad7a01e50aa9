import type { Readiness } from '../../../ports/operations.ts';
import type { Route, Surroundings } from '../route.ts';
import { shared } from '../shared.ts';

export function healthRoutes({ operations, version }: Surroundings): Route[] {
  // It requires no authentication and queries the store and Exchange.
  const readiness = shared(() => operations.readiness().catch(unknown));
  return [
    {
      method: 'get',
      path: '/healthz',
      access: 'open',
      tag: 'health',
      summary: 'Liveness: the process answers.',
      answers: [{ status: 200, description: 'The process is alive.', schema: 'Alive' }],
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
      summary: 'Readiness: whether the daemon can receive alerts and act on them, part by part.',
      answers: [
        { status: 200, description: 'Every part is ready.', schema: 'Readiness' },
        { status: 503, description: 'At least one part is not ready.', schema: 'Readiness' },
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
