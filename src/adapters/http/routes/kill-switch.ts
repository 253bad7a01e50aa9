import { z } from 'zod';
import { writeInstants } from '../../../ports/instants.ts';
import type { KillSwitch } from '../../../ports/kill-switch.ts';
import { name, text } from '../../../sources/fields.ts';
import type { Route, Surroundings } from '../route.ts';
import { check, signed } from './checks.ts';

const change = z.strictObject({
  on: z.boolean(),
  scope: z
    .strictObject({ playbook: name().optional(), server: name().optional(), group: name().optional() })
    .optional()
    .describe('What the switch stops; everything if empty. Switching off requires the same scope.'),
  by: name(100).optional().describe('Name of the person; default: the name of the token.'),
  reason: text(1000).optional(),
});

export function killSwitchRoutes({ operations }: Surroundings): Route[] {
  const shared = { path: '/api/v1/kill-switch', tag: 'kill switch' };
  const answers = [{ status: 200, description: 'The current switches.', schema: 'KillSwitch' as const }];
  return [
    {
      ...shared,
      method: 'get',
      access: 'viewer',
      summary: 'Lists the kill switches that are on.',
      answers,
      problems: [],
      async handle({ response }) {
        response.json(writeInstants(summary(await operations.killSwitches())));
      },
    },
    {
      ...shared,
      method: 'put',
      access: 'operator',
      summary: 'Stops all workers from sending commands, or allows commands again.',
      body: { schema: change, example: { on: true, by: 'jane', reason: 'network works tonight' }, required: true },
      answers,
      problems: ['invalid-request', 'malformed-json', 'too-large', 'unsupported-media-type'],
      async handle({ response, body, identity }) {
        const { on, scope, by, reason } = check(change, body);
        const { switches, warnings } = await operations.setKillSwitch({
          on,
          by: signed(by, identity),
          ...(scope && {
            scope: {
              ...(scope.playbook && { playbook: scope.playbook }),
              ...(scope.server && { server: scope.server }),
              ...(scope.group && { group: scope.group }),
            },
          }),
          ...(reason && { reason }),
        });
        response.json(writeInstants({ ...summary(switches), ...(warnings.length > 0 && { warnings }) }));
      },
    },
  ];
}

/** Usually there is one switch, for everything, whose fields are at the top level. */
function summary(all: KillSwitch[]): Record<string, unknown> {
  const switches = all.filter((each) => each.on);
  const first = switches.find(({ scope }) => !scope.playbook && !scope.server && !scope.group) ?? switches[0];
  return { ...first, on: first !== undefined, switches };
}
