import { describe, expect, test } from 'vitest';
import { mode } from '../../../src/guards/mode.ts';
import type { Incident, Run } from '../../../src/incident/incident.ts';
import type { Mode } from '../../../src/incident/plan.ts';
import type { Restriction } from '../../../src/incident/restrictions.ts';
import { facts, NINE } from '../../support/stub.ts';
import { context } from './context.ts';

const key = 'playbooks.restrictions[0]';
const asksOn = (where: Omit<Restriction, 'key' | 'mode'>): Restriction => ({ key, ...where, mode: 'approve' });
const ALLOWS = 'allow';
const ASKS = 'wait: approval';
const OBSERVES = 'refuse: observe';

describe('what a playbook may do', () => {
  const CASES: {
    says: string;
    mode?: Mode;
    safety?: Mode;
    restrictions?: Restriction[];
    run?: Partial<Run>;
    incident?: Partial<Incident>;
    is: string;
  }[] = [
    { says: 'auto acts', is: ALLOWS },
    { says: 'safety.mode is the ceiling', safety: 'approve', is: ASKS },
    { says: 'observe reports', mode: 'observe', is: OBSERVES },
    { says: 'a restriction for everything', restrictions: [asksOn({})], is: ASKS },
    { says: 'a restriction for the group of the target', restrictions: [asksOn({ groups: ['DAG1'] })], is: ASKS },
    { says: 'a restriction for another group', restrictions: [asksOn({ groups: ['dag2'] })], is: ALLOWS },
    {
      says: 'a restriction for the target, by its full name',
      restrictions: [asksOn({ servers: ['MBX1.contoso.com'] })],
      is: ASKS,
    },
    { says: 'a restriction for another server', restrictions: [asksOn({ servers: ['mbx2'] })], is: ALLOWS },
    {
      says: 'servers and groups of a restriction add up',
      restrictions: [asksOn({ servers: ['mbx2'], groups: ['dag1'] })],
      is: ASKS,
    },
    {
      says: 'a restriction for the server of the incident, which is not the target',
      restrictions: [asksOn({ groups: ['cas:Tokyo'] })],
      incident: { facts: facts('cas1') },
      is: ASKS,
    },
    { says: 'a restriction for its playbook', restrictions: [asksOn({ playbooks: ['imap-*'] })], is: ASKS },
    {
      says: 'a restriction for other playbooks on this server',
      restrictions: [asksOn({ playbooks: ['pop-*'], servers: ['mbx1'] })],
      is: ALLOWS,
    },
    {
      says: 'a restriction for its playbook on other servers',
      restrictions: [asksOn({ playbooks: ['imap-*'], servers: ['mbx2'] })],
      is: ALLOWS,
    },
    {
      says: 'the most careful of two restrictions',
      restrictions: [asksOn({}), { key, mode: 'observe', groups: ['dag1'] }],
      is: OBSERVES,
    },
    {
      says: 'the same in the other order',
      restrictions: [{ key, mode: 'observe', groups: ['dag1'] }, asksOn({})],
      is: OBSERVES,
    },
    { says: 'a restriction never allows more', mode: 'observe', restrictions: [asksOn({})], is: OBSERVES },
    { says: 'limits alone do not restrict the mode', restrictions: [{ key, limits: { time: 1 } }], is: ALLOWS },
    {
      says: 'a restriction that was lifted after the run began',
      run: { restricted: { mode: 'approve', by: key } },
      is: ASKS,
    },
    {
      says: 'a person has approved the plan',
      restrictions: [asksOn({})],
      incident: { approvals: [{ by: 'jane', at: NINE, reason: 'approval' }] },
      is: ALLOWS,
    },
    {
      says: 'a child incident is part of the run that was approved',
      mode: 'approve',
      incident: { parent: { incident: 'p', n: 1 } },
      is: ALLOWS,
    },
    {
      says: 'a child incident on a restricted server asks for an approval of its own',
      restrictions: [asksOn({ groups: ['dag1'] })],
      incident: { parent: { incident: 'p', n: 1 } },
      is: ASKS,
    },
    {
      says: 'the same for a playbook that asks anyway',
      mode: 'approve',
      restrictions: [asksOn({ groups: ['dag1'] })],
      incident: { parent: { incident: 'p', n: 1 } },
      is: ASKS,
    },
  ];
  test.each(CASES)(
    '$says: $is',
    async ({ mode: own = 'auto', safety = 'auto', restrictions = [], run, incident, is }) => {
      const answer = await mode.judge(
        context({
          run: { mode: own, ...run },
          settings: { mode: safety, restrictions },
          ...(incident && { incident }),
        }),
      );
      expect('reason' in answer ? `${answer.answer}: ${answer.reason}` : answer.answer).toBe(is);
    },
  );
});

test.each<[string, Restriction[], Partial<Run>, string]>([
  [
    'that asks',
    [asksOn({ playbooks: ['imap-*'], groups: ['dag1'] })],
    {},
    "Playbook imap-protocol waits for a person's approval, as required by playbooks.restrictions[0] for imap-*, dag1",
  ],
  [
    'that only lets it observe',
    [{ key, mode: 'observe' }],
    {},
    'Playbook imap-protocol only observes, as required by playbooks.restrictions[0]. It would have done: Restart-Service MSExchangeIMAP4BE → Restart-Computer',
  ],
  [
    'of the time when the run began',
    [],
    { restricted: { mode: 'approve', by: 'playbooks.restrictions[3] for dag1' } },
    "Playbook imap-protocol waits for a person's approval, as required by playbooks.restrictions[3] for dag1, when the run began",
  ],
])('a restriction %s is named with its place', async (_what, restrictions, run, says) => {
  expect(await mode.judge(context({ run, settings: { restrictions } }))).toMatchObject({ says });
});
