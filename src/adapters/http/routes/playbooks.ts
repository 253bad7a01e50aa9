import { ConfigError, formatProblem } from '../../../config/problems.ts';
import { writeInstants } from '../../../ports/instants.ts';
import { HttpProblem, notFound } from '../problem.ts';
import { parameter, type Route, type Surroundings } from '../route.ts';
import { check, person, personOf } from './checks.ts';

export function playbookRoutes({ operations, logger }: Surroundings): Route[] {
  const tag = 'playbooks';
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
        const name = parameter(request, 'name');
        const playbook = (await operations.playbooks()).find((candidate) => candidate.name === name);
        if (!playbook) throw notFound(`There is no playbook "${name.slice(0, 100)}".`);
        response.json(writeInstants(playbook));
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
  const problems = error.problems.map(({ story, ...problem }) => ({
    pointer: '',
    message: formatProblem(problem),
    ...(story && { story }),
  }));
  return new HttpProblem('invalid-playbooks', 'Nothing was changed: fix the files and reload again.', { problems });
}
