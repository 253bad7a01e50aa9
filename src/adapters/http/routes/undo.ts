import type { z } from 'zod';
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
  const example = { server: 'mbx1', setting: 'activation', by: 'jane' };

  const decide = (
    path: string,
    schema: z.ZodType<z.output<typeof owed>>,
    shown: object,
    what: { summary: string; answer: string; does: 'putBack' | 'settle' },
  ): Route => ({
    method: 'post',
    path: `/api/v1/undo/${path}`,
    access: 'operator',
    tag,
    summary: what.summary,
    body: { schema, example: shown, required: true },
    answers: [{ status: 200, description: what.answer, schema: 'Incident' }],
    problems: ['invalid-request', 'malformed-json', 'not-found', 'conflict', 'too-large', 'unsupported-media-type'],
    async handle({ response, body, identity }) {
      const { server, setting, ...given } = check(schema, body ?? {});
      const about = { server, ...(setting && { setting }) };
      response.json(render(await operations[what.does](about, personOf(given, identity))));
    },
  });

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
    decide('put-back', owed, example, {
      summary: 'Has what is owed on a server put back now; an incident of its own does it.',
      answer: 'The incident that does it.',
      does: 'putBack',
    }),
    decide(
      'settle',
      byHand,
      { ...example, note: 'allowed again in the shell' },
      {
        summary: 'Strikes out what a person has seen to by hand; nothing is sent.',
        answer: 'The incident that notes it.',
        does: 'settle',
      },
    ),
  ];
}
