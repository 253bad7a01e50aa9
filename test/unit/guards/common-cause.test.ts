import { expect, test } from 'vitest';
import { commonCause } from '../../../src/guards/common-cause.ts';
import type { Action } from '../../../src/incident/planned-change.ts';
import { facts, MINUTE, NINE } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const selfTest = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', targetResource: 'DB1' };

interface Case {
  says: string;
  /** Members of the group, this one included. */
  members: number;
  /** Number of others that are unhealthy, and of those alerted but not verified yet. */
  sick?: number;
  alerted?: number;
  elsewhere?: number;
  /** Servers that were found unhealthy long ago, and whose incident is still open. */
  waiting?: string[];
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
      says: 'imap.protocol\\imapselftestmonitor is unhealthy on mbx1, mbx2 in dag1: no single server is at fault, so none is changed',
    },
  },
  { says: 'two of two', members: 2, sick: 1, is: { reason: 'common-cause' } },
  { says: 'the only member', members: 1, is: { answer: 'allow' } },
  { says: 'two of ten: not more than a fifth', members: 10, sick: 1, is: { answer: 'allow' } },
  { says: 'three of ten', members: 10, sick: 2, is: { reason: 'common-cause' } },
  {
    says: 'another was alerted and is verified first',
    members: 4,
    alerted: 1,
    is: {
      answer: 'wait',
      reason: 'others-unseen',
      says: 'mbx2 in dag1 may have the same problem and must be verified first',
    },
  },
  { says: 'another of ten was alerted: together still not too many', members: 10, alerted: 1, is: { answer: 'allow' } },
  { says: 'one unhealthy and one alerted of ten', members: 10, sick: 1, alerted: 1, is: { reason: 'others-unseen' } },
  {
    says: 'another was found unhealthy long ago, and its incident is still waiting',
    members: 4,
    waiting: ['mbx3'],
    is: { answer: 'refuse', reason: 'common-cause' },
  },
  { says: 'servers of other groups', members: 4, elsewhere: 18, is: { answer: 'allow' } },
  {
    says: 'as many servers as in a storm, anywhere',
    members: 4,
    elsewhere: 19,
    is: { answer: 'refuse', reason: 'common-cause' },
  },
];

test('an unhealthy server behind many is treated; those affected by it are not restarted', async () => {
  const troubled = async () => ['mbx1', 'mbx2', 'mbx3'];
  const behind = { incident: { backEnd: 'mbx9' }, run: { handles: [selfTest] }, store: { troubled } };
  const judge = (action: Action) => commonCause.judge(context({ ...behind, change: changeTo(action) }));
  expect(await judge('restart-service')).toEqual({ answer: 'allow' });
  expect(await judge('restart-server')).toMatchObject({ answer: 'refuse' });
});

test('in a storm, no server behind them is treated either', async () => {
  const troubled = async () => Array.from({ length: 20 }, (_, n) => `cas${n}`);
  const behind = { incident: { backEnd: 'mbx9' }, run: { handles: [selfTest] }, store: { troubled } };
  const answer = await commonCause.judge(context({ ...behind, change: changeTo('restart-service') }));
  expect(answer).toMatchObject({ answer: 'refuse', reason: 'common-cause' });
});

test.each(CASES)('$says', async ({ members, sick = 0, alerted = 0, elsewhere = 0, waiting = [], is }) => {
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
        if (names.includes('open imap')) return waiting;
        if (since === 0) return [...others.slice(0, sick), ...far, ...waiting];
        return names.includes('alerted imap') ? others.slice(sick, sick + alerted) : [...others.slice(0, sick), ...far];
      },
    },
  });
  expect(await commonCause.judge(given)).toMatchObject(is);
  expect(asked).toContainEqual([['imap.protocol\\imapselftestmonitor'], NINE - 10 * MINUTE]);
});
