import { render } from '../render.ts';
import type { Route, Surroundings } from '../route.ts';

export function undoRoutes({ operations }: Surroundings): Route[] {
  return [
    {
      method: 'get',
      path: '/api/v1/undo',
      access: 'viewer',
      tag: 'undo',
      summary: 'What is still to be put back in the whole organisation.',
      answers: [{ status: 200, description: 'Every debt, with the incident that made it.', schema: 'Undo' }],
      problems: [],
      async handle({ response }) {
        response.json(render({ undo: await operations.undo() }));
      },
    },
  ];
}
