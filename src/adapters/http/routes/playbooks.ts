import { HttpProblem, notFound } from '../problem.ts';
import { render } from '../render.ts';
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
      summary: 'The playbooks that are in force.',
      answers: [{ status: 200, description: 'All of them.', schema: 'Playbooks' }],
      problems: [],
      async handle({ response }) {
        response.json(render({ playbooks: await operations.playbooks() }));
      },
    },
    {
      method: 'get',
      path: '/api/v1/playbooks/:name',
      access: 'viewer',
      tag,
      summary: 'One playbook, with its last runs.',
      answers: [{ status: 200, description: 'The playbook.', schema: 'Playbook' }],
      problems: ['not-found'],
      async handle({ request, response }) {
        const name = parameter(request, 'name');
        const playbook = (await operations.playbooks()).find((candidate) => candidate.name === name);
        if (!playbook) throw notFound(`There is no playbook "${name.slice(0, 100)}".`);
        response.json(render(playbook));
      },
    },
    {
      method: 'post',
      path: '/api/v1/playbooks/:name/trust',
      access: 'admin',
      tag,
      summary: 'Trusts a playbook again that was demoted because its last runs did not help.',
      body: { schema: person, example: { by: 'jane', note: 'the disk was replaced' }, required: false },
      answers: [{ status: 200, description: 'The playbook, in the mode that it was written for.', schema: 'Playbook' }],
      problems: ['invalid-request', 'malformed-json', 'not-found', 'too-large', 'unsupported-media-type'],
      async handle({ request, response, body, identity }) {
        const given = check(person, body ?? {});
        const playbook = await operations.trustPlaybook(parameter(request, 'name'), personOf(given, identity));
        response.json(render(playbook));
      },
    },
    {
      method: 'post',
      path: '/api/v1/playbooks/reload',
      access: 'admin',
      tag,
      summary: 'Reads the playbook files again: all of them, or, with any problem, none.',
      answers: [{ status: 200, description: 'The playbooks that are in force now.', schema: 'Playbooks' }],
      problems: ['invalid-playbooks'],
      async handle({ response, identity }) {
        try {
          const playbooks = await operations.reloadPlaybooks();
          logger.info(`playbooks reloaded${identity ? ` by ${identity.name}` : ''}: ${playbooks.length}`);
          response.json(render({ playbooks }));
        } catch (error) {
          throw asProblem(error);
        }
      },
    },
  ];
}

/** The configuration's error says each problem on a line, with its file and place. Other errors pass. */
function asProblem(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ConfigError') return error;
  const problems = error.message.split('\n').map((message) => ({ pointer: '', message }));
  return new HttpProblem('invalid-playbooks', 'Nothing was changed: mend the files and reload again.', { problems });
}
