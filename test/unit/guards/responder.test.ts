import { describe, expect, test } from 'vitest';
import { responder } from '../../../src/guards/responder.ts';
import type { Action } from '../../../src/incident/planned-change.ts';
import type { RecoveryAction } from '../../../src/ports/exchange.ts';
import { MINUTE, NINE, reply } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const action = (more: Partial<RecoveryAction> & { ago: number; took?: number }): RecoveryAction => {
  const { ago, took = 0, ...rest } = more;
  const startedAt = NINE - ago * MINUTE;
  const finished = { state: 'finished' as const, result: 'failed' as const, endedAt: startedAt + took * MINUTE };
  return {
    action: 'RestartService',
    resource: 'MSExchangeIMAP4BE',
    requester: 'ImapSelfTestRestart',
    startedAt,
    ...(rest.state === 'started' ? { state: 'started' } : finished),
    ...rest,
  };
};

function judge(
  what: Action,
  actions: Record<string, RecoveryAction[]>,
  more: { justVerified?: boolean; heldBy?: string; down?: string[] } = {},
) {
  const { justVerified = false, heldBy, down = [] } = more;
  const resource = what === 'restart-service' ? 'MSExchangeIMAP4BE' : undefined;
  return responder.judge(
    context({
      justVerified,
      change: changeTo(what, {}, resource),
      incident: heldBy ? { held: { n: 1, guard: heldBy, reason: 'r', says: 's', at: NINE } } : {},
      exchange: {
        recoveryActions: async (server) => reply(actions[server] ?? []),
        availabilityGroup: async (name) =>
          reply({
            name,
            members: ['mbx1', 'mbx2'].map((server) => ({
              server,
              site: 'Tokyo',
              up: !down.includes(server),
              suspended: false,
            })),
          }),
      },
    }),
  );
}

describe('a restart of a service here', () => {
  const CASES: [string, RecoveryAction, object][] = [
    ['an attempt that ended long ago', action({ ago: 22 }), { answer: 'allow' }],
    [
      'an attempt that was throttled just now: it changed nothing',
      action({ ago: 1, result: 'throttled' }),
      { answer: 'allow' },
    ],
    [
      'one that ended recently: its effect is waited for',
      action({ ago: 9 }),
      {
        answer: 'wait',
        reason: 'responder-lately',
        says: "Managed Availability's ImapSelfTestRestart (RestartService MSExchangeIMAP4BE on mbx1) ended at 2026-05-12T08:51:00Z; waiting for its effect until 2026-05-12T09:01:00Z",
      },
    ],
    ['one that ended exactly that long ago', action({ ago: 10 }), { answer: 'allow' }],
    ['one that began long ago and ended recently', action({ ago: 40, took: 35 }), { reason: 'responder-lately' }],
    [
      'one that is in progress',
      action({ ago: 2, state: 'started' }),
      {
        answer: 'wait',
        reason: 'responder-acting',
        says: "Managed Availability's ImapSelfTestRestart (RestartService MSExchangeIMAP4BE on mbx1) has been acting since 2026-05-12T08:58:00Z",
      },
    ],
    ['one whose end was never recorded', action({ ago: 60, state: 'started' }), { answer: 'allow' }],
    ['another service of the server, recently', action({ ago: 5, resource: 'MSExchangePOP3' }), { answer: 'allow' }],
    [
      'another service of the server, now',
      action({ ago: 1, resource: 'MSExchangePOP3', state: 'started' }),
      { reason: 'responder-acting' },
    ],
    [
      'the same service in another case',
      action({ ago: 5, resource: 'msexchangeimap4be' }),
      { reason: 'responder-lately' },
    ],
    [
      'a reboot of the server',
      action({ ago: 9, action: 'ForceReboot', resource: 'mbx1' }),
      { reason: 'responder-lately' },
    ],
    ['an escalation: it only notified people', action({ ago: 1, action: 'Escalate' }), { answer: 'allow' }],
  ];
  test.each(CASES)('%s', async (_says, one, is) => {
    expect(await judge('restart-service', { mbx1: [one] })).toMatchObject(is);
  });

  test('an action on another member of the group does not matter', async () => {
    const failover = action({ ago: 1, action: 'DatabaseFailover', resource: 'DB01', state: 'started' });
    expect(await judge('restart-service', { mbx2: [failover] })).toEqual({ answer: 'allow' });
  });
});

describe('a failover or a reboot checks the whole group', () => {
  const failover = (ago: number) => action({ ago, action: 'ServerFailover', resource: 'mbx2' });
  const CASES: [string, RecoveryAction, string][] = [
    ['a failover there half an hour ago', failover(29), 'wait'],
    ['a failover there before that', failover(30), 'allow'],
    ['a restart of a service there', action({ ago: 1, state: 'started' }), 'allow'],
  ];
  test.each(CASES)('%s: %s', async (_says, one, answer) => {
    for (const what of ['fail-over-databases', 'restart-server'] as const) {
      expect(await judge(what, { mbx2: [one] })).toMatchObject({ answer });
    }
  });

  test('a member that is down is not asked, because it cannot answer', async () => {
    expect(await judge('restart-server', { mbx2: [failover(1)] }, { down: ['mbx2'] })).toEqual({ answer: 'allow' });
  });
});

test('after such a wait health is verified first: Managed Availability may have helped', async () => {
  expect(await judge('restart-service', {}, { heldBy: 'responder' })).toEqual({ answer: 'verify' });
  expect(await judge('restart-service', {}, { heldBy: 'responder', justVerified: true })).toEqual({ answer: 'allow' });
  expect(await judge('restart-service', {}, { heldBy: 'claim' })).toEqual({ answer: 'allow' });
});
