import { z } from 'zod';
import { OUTCOMES } from '../../../incident/outcome.ts';
import { writeInstants } from '../../../ports/instants.ts';
import { name, time } from '../../../sources/fields.ts';
import { invalid, notFound } from '../problem.ts';
import { parameter, type Route, type Surroundings } from '../route.ts';
import { check, person, personOf } from './checks.ts';

const query = z.strictObject({
  state: z.enum(['open', 'finished']).optional(),
  server: name().optional(),
  healthSet: name().optional(),
  outcome: z.enum(OUTCOMES as unknown as [string, ...string[]]).optional(),
  since: time.optional().describe('Opened at or after this time; ISO 8601.'),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'must be a whole number from 1 to 500')
    .prefault('50')
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 500, 'must be a whole number from 1 to 500'),
  cursor: name(1000).optional().describe('`next` of the previous page.'),
});

const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);
const journalQuery = z.strictObject({
  after: wholeNumber.optional().describe('Only the entries after this one.'),
  limit: wholeNumber
    .refine((limit) => limit > 0, 'must be at least 1')
    .optional()
    .describe('Maximum number of entries to return.'),
});

export function incidentRoutes({ operations }: Surroundings): Route[] {
  const tag = 'incidents';
  const missing = (id: string) => notFound(`There is no incident "${id.slice(0, 100)}".`);

  const decide = (verb: 'approve' | 'reject' | 'cancel', summary: string): Route => ({
    method: 'post',
    path: `/api/v1/incidents/:id/${verb}`,
    access: 'operator',
    tag,
    summary,
    body: { schema: person, example: { by: 'jane', note: 'seen it myself' }, required: false },
    answers: [{ status: 200, description: 'The incident as it is now.', schema: 'Incident' }],
    problems: ['invalid-request', 'malformed-json', 'not-found', 'conflict', 'too-large', 'unsupported-media-type'],
    async handle({ request, response, body, identity }) {
      const given = check(person, body ?? {});
      const view = await operations[verb](parameter(request, 'id'), personOf(given, identity));
      response.json(writeInstants(view));
    },
  });

  return [
    {
      method: 'get',
      path: '/api/v1/incidents',
      access: 'viewer',
      tag,
      summary: 'Lists incidents, newest first.',
      query,
      answers: [{ status: 200, description: 'A page of incidents.', schema: 'Incidents' }],
      problems: ['invalid-request'],
      async handle({ request, response }) {
        const { outcome, since, state, server, healthSet, cursor, limit } = check(query, request.query);
        const page = await operations
          .incidents({
            limit,
            ...(state && { state }),
            ...(server && { server }),
            ...(healthSet && { healthSet }),
            ...(outcome && { outcome }),
            ...(since !== undefined && { since }),
            ...(cursor && { cursor }),
          })
          .catch((error: unknown) => {
            // A store throws a RangeError for an invalid cursor; only the store knows their form.
            if (!cursor || !(error instanceof RangeError)) throw error;
            throw invalid([
              { pointer: '/cursor', message: 'is not the `next` of a previous page: omit it to start over' },
            ]);
          });
        response.json(writeInstants(page));
      },
    },
    {
      method: 'get',
      path: '/api/v1/incidents/:id',
      access: 'viewer',
      tag,
      summary: 'Gets an incident.',
      answers: [{ status: 200, description: 'The incident.', schema: 'Incident' }],
      problems: ['not-found'],
      async handle({ request, response }) {
        const id = parameter(request, 'id');
        const view = await operations.incident(id);
        if (!view) throw missing(id);
        response.json(writeInstants(view));
      },
    },
    {
      method: 'get',
      path: '/api/v1/incidents/:id/journal',
      access: 'viewer',
      tag,
      summary: 'Gets the journal of an incident: everything that happened, in order.',
      query: journalQuery,
      answers: [
        {
          status: 200,
          description:
            'The entries of its journal. If there are more, the header `Link` names the next page (`rel="next"`).',
          schema: 'Journal',
        },
      ],
      problems: ['invalid-request', 'not-found'],
      async handle({ request, response }) {
        const id = parameter(request, 'id');
        const { after, limit } = check(journalQuery, request.query);
        const journal = await operations.journal(id, after, limit);
        if (!journal) throw missing(id);
        const { entries, more } = journal;
        const last = entries.at(-1)?.seq;
        if (more && last !== undefined) {
          const rest = `after=${last}${limit === undefined ? '' : `&limit=${limit}`}`;
          response.setHeader('Link', `</api/v1/incidents/${encodeURIComponent(id)}/journal?${rest}>; rel="next"`);
        }
        response.json(
          writeInstants(
            entries.map(({ seq, at, worker, type, data, previous }) => ({ seq, at, worker, type, data, previous })),
          ),
        );
      },
    },
    {
      method: 'get',
      path: '/api/v1/incidents/:id/verify',
      access: 'viewer',
      tag,
      summary: 'Checks the hash chain of an incident’s journal.',
      answers: [
        { status: 200, description: 'Whether every entry holds the hash of the previous one.', schema: 'JournalCheck' },
      ],
      problems: ['not-found'],
      async handle({ request, response }) {
        const id = parameter(request, 'id');
        const result = await operations.verifyJournal(id);
        if (!result) throw missing(id);
        response.json(result);
      },
    },
    decide('approve', 'Approves the plan of a waiting incident.'),
    decide('reject', 'Rejects the plan of an incident, which escalates it.'),
    decide('cancel', 'Stops an incident before its next command; its changes are put back.'),
  ];
}
