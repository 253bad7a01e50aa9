import type { Route, Surroundings } from '../route.ts';
import { shared } from '../shared.ts';

export function metricsRoutes({ metrics }: Surroundings): Route[] {
  // It requires no authentication and the text is long, so concurrent requests share one copy of each format.
  const formats = new Map<string, () => Promise<Buffer>>();
  const bytesOf = (accept: string | undefined, format: string) => {
    const render = formats.get(format) ?? shared(async () => Buffer.from((await metrics.expose(accept)).text));
    formats.set(format, render);
    return render();
  };
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
        const accept = request.get('accept');
        const format = metrics.format(accept);
        response.set('Content-Type', format).send(await bytesOf(accept, format));
      },
    },
  ];
}
