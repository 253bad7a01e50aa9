import { expect, test } from 'vitest';
import { commonCause } from '../../../src/guards/common-cause.ts';
import type { Action } from '../../../src/steps/step.ts';
import { facts, MINUTE, NINE } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const selfTest = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', targetResource: 'DB1' };

interface Case {
  says: string;
  /** Members of the group, this one included. */
  members: number;
  /** How many others are seen to have it, and were alerted and not looked at yet. */
  sick?: number;
  alerted?: number;
  elsewhere?: number;
  is: object;
}

const CASES: Case[] = [
  { says: 'alone in its group', members: 4, is: { answer: 'allow' } },
  {
    says: 'two of four',
    members: 4,
    sick: 1,
    is: {
      answer: 'refuse',
      reason: 'common-cause',
      says: "imap.protocol\\imapselftestmonitor is unhealthy on mbx1, mbx2 of dag1: no server's fault, so none is touched",
    },
  },
  { says: 'two of two', members: 2, sick: 1, is: { reason: 'common-cause' } },
  { says: 'the only member', members: 1, is: { answer: 'allow' } },
  { says: 'two of ten: no more than a fifth', members: 10, sick: 1, is: { answer: 'allow' } },
  { says: 'three of ten', members: 10, sick: 2, is: { reason: 'common-cause' } },
  {
    says: 'another was alerted and is looked at first',
    members: 4,
    alerted: 1,
    is: { answer: 'wait', reason: 'others-unseen', says: 'mbx2 of dag1 may have the same trouble: looked at first' },
  },
  { says: 'another of ten was alerted: it would not be too many', members: 10, alerted: 1, is: { answer: 'allow' } },
  { says: 'one sick and one alerted of ten', members: 10, sick: 1, alerted: 1, is: { reason: 'others-unseen' } },
  { says: 'servers of other groups', members: 4, elsewhere: 18, is: { answer: 'allow' } },
  {
    says: 'as many servers as a storm has, wherever they are',
    members: 4,
    elsewhere: 19,
    is: { answer: 'refuse', reason: 'common-cause' },
  },
];

test('a sick server behind many is treated; those that see it are not restarted for it', async () => {
  const troubled = async () => ['mbx1', 'mbx2', 'mbx3'];
  const behind = { incident: { backEnd: 'mbx9' }, run: { handles: [selfTest] }, store: { troubled } };
  const judge = (action: Action) => commonCause.judge(context({ ...behind, change: changeTo(action) }));
  expect(await judge('restart-service')).toEqual({ answer: 'allow' });
  expect(await judge('restart-server')).toMatchObject({ answer: 'refuse' });
});

test.each(CASES)('$says', async ({ members, sick = 0, alerted = 0, elsewhere = 0, is }) => {
  const servers = Array.from({ length: members }, (_, index) => facts(`mbx${index + 1}`, { dag: 'dag1' }));
  const others = servers.slice(1).map(({ server }) => server);
  const far = Array.from({ length: elsewhere }, (_, index) => `far${index}`);
  const asked: [string[], number][] = [];
  const given = context({
    run: { handles: [selfTest] },
    organisation: { id: 'contoso.com', servers },
    store: {
      async troubled(_world, names, since) {
        asked.push([names, since]);
        return names.includes('alerted imap') ? others.slice(sick, sick + alerted) : [...others.slice(0, sick), ...far];
      },
    },
  });
  expect(await commonCause.judge(given)).toMatchObject(is);
  expect(asked[0]).toEqual([['imap.protocol\\imapselftestmonitor'], NINE - 10 * MINUTE]);
});
