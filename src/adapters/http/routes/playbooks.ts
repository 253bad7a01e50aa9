import { z } from 'zod';
import { ConfigError, problemLine } from '../../../config/problems.ts';
import { EXPLANATION_FORMATS } from '../../../ports/explanation.ts';
import { writeInstants } from '../../../ports/instants.ts';
import type { PlaybookView } from '../../../ports/operations.ts';
import { COMMON_HEADERS } from '../headers.ts';
import { HttpProblem, notFound } from '../problem.ts';
import { parameter, type Route, type Surroundings } from '../route.ts';
import { check, person, personOf } from './checks.ts';

const explainQuery = z.strictObject({
  format: z.enum(EXPLANATION_FORMATS).default('json').describe('The form of the answer.'),
});

export function playbookRoutes({ operations, explain, logger }: Surroundings): Route[] {
  const tag = 'playbooks';
  const missing = (name: string) => notFound(`There is no playbook "${name.slice(0, 100)}".`);
  async function find(name: string): Promise<PlaybookView> {
    const playbook = (await operations.playbooks()).find((candidate) => candidate.name === name);
    if (!playbook) throw missing(name);
    return playbook;
  }
  return [
    {
      method: 'get',
      path: '/api/v1/playbooks',
      access: 'viewer',
      tag,
      summary: 'Lists the active playbooks.',
      answers: [{ status: 200, description: 'All active playbooks.', schema: 'Playbooks' }],
      problems: [],
      async handle({ response }) {
        response.json(writeInstants({ playbooks: await operations.playbooks() }));
      },
    },
    {
      method: 'get',
      path: '/api/v1/playbooks/:name',
      access: 'viewer',
      tag,
      summary: 'Gets a playbook with its last runs.',
      answers: [{ status: 200, description: 'The playbook.', schema: 'Playbook' }],
      problems: ['not-found'],
      async handle({ request, response }) {
        response.json(writeInstants(await find(parameter(request, 'name'))));
      },
    },
    {
      method: 'get',
      path: '/api/v1/playbooks/:name/explain',
      access: 'viewer',
      tag,
      summary: 'Explains a playbook: plain words, commands, flow, worst case.',
      query: explainQuery,
      answers: [
        { status: 200, description: 'The explanation.', schema: 'Explanation' },
        { status: 200, description: 'For a wiki.', type: 'text/markdown' },
        { status: 200, description: 'A self-contained page.', type: 'text/html' },
        { status: 200, description: 'The flow, drawn.', type: 'image/svg+xml' },
        { status: 200, description: 'The flow as a Mermaid flowchart.', type: 'text/plain' },
      ],
      problems: ['invalid-request', 'not-found'],
      async handle({ request, response }) {
        const { format } = check(explainQuery, request.query);
        const { name, mode } = await find(parameter(request, 'name'));
        const explained = await explain(name, mode, format);
        if (!explained) throw missing(name);
        if (explained.styles.length > 0) {
          const policy = COMMON_HEADERS['Content-Security-Policy'];
          response.set('Content-Security-Policy', `${policy}; style-src ${explained.styles.join(' ')}`);
        }
        response.set('Content-Type', explained.type).send(explained.text);
      },
    },
    {
      method: 'post',
      path: '/api/v1/playbooks/:name/trust',
      access: 'admin',
      tag,
      summary: 'Restores the mode of a playbook that was demoted after failed runs.',
      body: { schema: person, example: { by: 'jane', note: 'the disk was replaced' }, required: false },
      answers: [{ status: 200, description: 'The playbook, in its original mode.', schema: 'Playbook' }],
      problems: ['invalid-request', 'malformed-json', 'not-found', 'too-large', 'unsupported-media-type'],
      async handle({ request, response, body, identity }) {
        const given = check(person, body ?? {});
        const playbook = await operations.trustPlaybook(parameter(request, 'name'), personOf(given, identity));
        response.json(writeInstants(playbook));
      },
    },
    {
      method: 'post',
      path: '/api/v1/playbooks/reload',
      access: 'admin',
      tag,
      summary: 'Reloads and proves the playbook files; if any of them has a problem, none is reloaded.',
      answers: [{ status: 200, description: 'The playbooks that are active now.', schema: 'Playbooks' }],
      problems: ['invalid-playbooks'],
      async handle({ response, identity }) {
        try {
          const playbooks = await operations.reloadPlaybooks();
          logger.info(`Reloaded playbooks${identity ? ` by ${identity.name}` : ''}: ${playbooks.length}`);
          response.json(writeInstants({ playbooks }));
        } catch (error) {
          throw asProblem(error);
        }
      },
    },
  ];
}

/** Every problem with file, line and column; one that a proof found, with its story. Other errors are rethrown. */
function asProblem(error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  const problems = error.problems.map((problem) => {
    const { endColumn, excerpt, story } = problem;
    return {
      pointer: '',
      message: problemLine(problem),
      ...(endColumn !== undefined && { endColumn }),
      ...(excerpt !== undefined && { excerpt }),
      ...(story && { story }),
    };
  });
  return new HttpProblem('invalid-playbooks', 'Nothing was changed: fix the files and reload again.', { problems });
}
