import type { Route, Surroundings } from '../route.ts';

export function metricsRoutes({ metrics }: Surroundings): Route[] {
  return [
    {
      method: 'get',
      path: '/metrics',
      access: 'open',
      tag: 'health',
      summary: 'Metrics as Prometheus text, or OpenMetrics where Accept asks for it.',
      answers: [{ status: 200, description: 'docs/metrics.md explains each.', type: 'text/plain' }],
      problems: [],
      async handle({ request, response }) {
        const { contentType, text } = await metrics.expose(request.get('accept'));
        response.set('Content-Type', contentType).send(text);
      },
    },
  ];
}
