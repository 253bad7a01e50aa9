import type { Route, Surroundings } from '../route.ts';

const LINKS = {
  incidents: '/api/v1/incidents',
  playbooks: '/api/v1/playbooks',
  'kill switch': '/api/v1/kill-switch',
  undo: '/api/v1/undo',
  events: '/api/v1/events',
  'API description': '/api/v1/openapi.json',
  queues: '/queues',
  metrics: '/metrics',
  ready: '/readyz',
};

export function rootRoutes({ version }: Surroundings): Route[] {
  return [
    {
      method: 'get',
      path: '/',
      access: 'open',
      tag: 'health',
      summary: 'Lists the addresses of the API.',
      answers: [{ status: 200, description: 'Links, as JSON or HTML.', schema: 'Links' }],
      problems: [],
      handle({ request, response }) {
        if (request.accepts(['json', 'html']) === 'html') response.type('html').send(page(version));
        else response.json({ name: 'second-responder', version, links: LINKS });
      },
    },
  ];
}

const page = (version: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Second Responder</title>
<h1>Second Responder</h1>
<ul>
${Object.entries(LINKS)
  .map(([name, address]) => `<li><a href="${address}">${name}</a></li>`)
  .join('\n')}
</ul>
<p>version ${version}</p>
</html>
`;
