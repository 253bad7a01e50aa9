import { describeApi } from '../openapi.ts';
import type { Route, Surroundings } from '../route.ts';

/** The description includes its own address. */
export function openApiRoutes({ version }: Surroundings, others: readonly Route[]): Route[] {
  const route: Route = {
    method: 'get',
    path: '/api/v1/openapi.json',
    access: 'viewer',
    tag: 'health',
    summary: 'This description (OpenAPI 3.1).',
    answers: [{ status: 200, description: 'The document.', schema: 'OpenApi' }],
    problems: [],
    handle({ response }) {
      response.type('json').send(document);
    },
  };
  const document = Buffer.from(JSON.stringify(describeApi([...others, route], version)));
  return [route];
}
