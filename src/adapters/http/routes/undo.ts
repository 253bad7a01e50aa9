import type { z } from 'zod';
import { writeInstants } from '../../../ports/instants.ts';
import { name, text } from '../../../sources/fields.ts';
import type { Route, Surroundings } from '../route.ts';
import { check, person, personOf } from './checks.ts';

const owed = person.extend({
  server: name().describe('Server with outstanding undo actions.'),
  setting: name().optional().describe('One setting, as listed by GET /api/v1/undo; default: all.'),
});
/** The daemon can't see manual work, so a person must describe it. */
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
      response.json(writeInstants(await operations[what.does](about, personOf(given, identity))));
    },
  });

  return [
    {
      method: 'get',
      path: '/api/v1/undo',
      access: 'viewer',
      tag,
      summary: 'Lists outstanding undo actions of the whole organisation.',
      answers: [
        { status: 200, description: 'Every outstanding undo action with the incident that caused it.', schema: 'Undo' },
      ],
      problems: [],
      async handle({ response }) {
        response.json(writeInstants({ undo: await operations.undo() }));
      },
    },
    decide('put-back', owed, example, {
      summary: 'Puts back the changes on a server now, in a new incident.',
      answer: 'The new incident.',
      does: 'putBack',
    }),
    decide(
      'settle',
      byHand,
      { ...example, note: 'allowed again in the shell' },
      {
        summary: 'Marks changes as put back by hand; sends no command.',
        answer: 'The incident that records it.',
        does: 'settle',
      },
    ),
  ];
}
