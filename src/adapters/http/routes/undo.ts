import { name, text } from '../../../sources/fields.ts';
import { render } from '../render.ts';
import type { Route, Surroundings } from '../route.ts';
import { check, person, personOf } from './checks.ts';

const owed = person.extend({
  server: name().describe('The server on which something is owed.'),
  setting: name().optional().describe('One setting of it, as the list of what is owed names it; else all.'),
});
/** What was done by hand is not seen by the daemon: somebody must say what it was. */
const byHand = owed.extend({
  note: text(1000).refine((note) => note !== '', 'is missing: say what was done by hand'),
});

export function undoRoutes({ operations }: Surroundings): Route[] {
  const tag = 'undo';
  const problems: Route['problems'] = [
    'invalid-request',
    'malformed-json',
    'not-found',
    'conflict',
    'too-large',
    'unsupported-media-type',
  ];
  return [
    {
      method: 'get',
      path: '/api/v1/undo',
      access: 'viewer',
      tag,
      summary: 'What is still to be put back in the whole organisation.',
      answers: [{ status: 200, description: 'Every debt, with the incident that made it.', schema: 'Undo' }],
      problems: [],
      async handle({ response }) {
        response.json(render({ undo: await operations.undo() }));
      },
    },
    {
      method: 'post',
      path: '/api/v1/undo/put-back',
      access: 'operator',
      tag,
      summary: 'Has what is owed on a server put back now; an incident of its own does it.',
      body: { schema: owed, example: { by: 'jane', server: 'mbx1', setting: 'activation' }, required: true },
      answers: [{ status: 200, description: 'The incident that does it.', schema: 'Incident' }],
      problems,
      async handle({ response, body, identity }) {
        const { server, setting, ...given } = check(owed, body ?? {});
        const what = { server, ...(setting && { setting }) };
        response.json(render(await operations.putBack(what, personOf(given, identity))));
      },
    },
    {
      method: 'post',
      path: '/api/v1/undo/settle',
      access: 'operator',
      tag,
      summary: 'Strikes out what a person has seen to by hand; nothing is sent.',
      body: {
        schema: byHand,
        example: { by: 'jane', server: 'mbx1', setting: 'activation', note: 'allowed again in the shell' },
        required: true,
      },
      answers: [{ status: 200, description: 'The incident that notes it.', schema: 'Incident' }],
      problems,
      async handle({ response, body, identity }) {
        const { server, setting, ...given } = check(byHand, body ?? {});
        const what = { server, ...(setting && { setting }) };
        response.json(render(await operations.settle(what, personOf(given, identity))));
      },
    },
  ];
}
