import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../src/incident/health.ts';
import type { Outcome } from '../../../src/incident/outcome.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { collect } from '../../../src/steps/collect.ts';
import type { VerifiedMonitors } from '../../../src/verification/verify.ts';
import { HOUR, MINUTE, NINE, reply, SECOND, service } from '../../support/stub.ts';
import { beginning, looking, stepContext } from './context.ts';

const saw = (verdict: Verdict, more: Partial<VerifiedMonitors> = {}): VerifiedMonitors => ({
  verdict,
  reason: `it was ${verdict}`,
  monitors: [],
  evidence: [],
  ...more,
});

describe('recheck', () => {
  const CASES: { says: string; sees: VerifiedMonitors; blind?: number; sick?: number; polled: object }[] = [
    { says: 'healthy', sees: saw('cleared'), polled: { is: 'done', health: 'healthy' } },
    {
      says: 'unhealthy, the first of three checks',
      sees: saw('confirmed'),
      polled: { is: 'pending', until: NINE + 20 * SECOND, counts: 'health' },
    },
    {
      says: 'unhealthy, the second of three checks',
      sees: saw('confirmed'),
      sick: 1,
      polled: { is: 'pending', counts: 'health' },
    },
    {
      says: 'unhealthy, the last of three checks',
      sees: saw('confirmed'),
      sick: 2,
      polled: { is: 'done', health: 'unhealthy' },
    },
    {
      says: 'inconclusive: verified again, and counted',
      sees: saw('inconclusive'),
      polled: { is: 'pending', until: NINE + MINUTE, counts: 'look' },
    },
    {
      says: 'inconclusive, as often as is allowed: never followed by a harsher step',
      sees: saw('inconclusive'),
      blind: 2,
      polled: { is: 'refused', says: 'Health could not be verified (tried 3 times): it was inconclusive' },
    },
    {
      says: 'a row that will be evaluated soon: waited for, and not counted as inconclusive',
      sees: saw('inconclusive', { dueBy: NINE + 10 * SECOND }),
      blind: 2,
      polled: { is: 'pending', until: NINE + 10 * SECOND },
    },
    {
      says: 'a row that will be evaluated much later: checked now and then',
      sees: saw('inconclusive', { dueBy: NINE + HOUR }),
      polled: { is: 'pending', until: NINE + 30 * SECOND },
    },
  ];
  test.each(CASES)('$says', async ({ sees, blind = 0, sick = 0, polled }) => {
    const seen = await looking('recheck', { sees, record: { inconclusiveTries: blind, unhealthyTries: sick } });
    expect(seen).toMatchObject(polled);
    if ('is' in polled && polled.is === 'pending' && !('counts' in polled)) expect(seen).not.toHaveProperty('counts');
  });
});

describe('watch-health: health must persist', () => {
  const watch = (minutes: number, sees?: VerifiedMonitors) =>
    looking('watch-health', {
      options: { for: '20m', every: '10m' },
      record: { note: { startedAt: NINE } },
      now: NINE + minutes * MINUTE,
      ...(sees && { sees }),
    });
  const CASES: { says: string; minutes: number; sees?: VerifiedMonitors; polled: object }[] = [
    {
      says: 'before the first check: nothing is verified',
      minutes: 9,
      polled: { is: 'pending', until: NINE + 10 * MINUTE },
    },
    {
      says: 'healthy at the first check',
      minutes: 10,
      sees: saw('cleared'),
      polled: { is: 'pending', until: NINE + 20 * MINUTE },
    },
    {
      says: 'unhealthy at the first check: one is enough',
      minutes: 10,
      sees: saw('confirmed'),
      polled: { is: 'done', health: 'unhealthy' },
    },
    { says: 'healthy at the end', minutes: 20, sees: saw('cleared'), polled: { is: 'done', health: 'healthy' } },
    {
      says: 'unhealthy at the end',
      minutes: 20,
      sees: saw('confirmed'),
      polled: { is: 'done', health: 'unhealthy' },
    },
    {
      says: 'inconclusive at the end: it is not confirmed until verified',
      minutes: 20,
      sees: saw('inconclusive'),
      polled: { is: 'pending', counts: 'look' },
    },
    {
      says: 'a late worker: judged by a check made then',
      minutes: 65,
      sees: saw('confirmed'),
      polled: { is: 'done', health: 'unhealthy' },
    },
  ];
  test.each(CASES)('$says', async ({ minutes, sees, polled }) => {
    expect(await watch(minutes, sees)).toMatchObject(polled);
  });
});

describe('wait', () => {
  const wait = (minutes: number) =>
    looking('wait', {
      options: { for: '10m' },
      record: { note: { startedAt: NINE } },
      now: NINE + minutes * MINUTE,
    });
  test('until the time is over', async () => {
    expect(await wait(9)).toMatchObject({ is: 'pending', until: NINE + 10 * MINUTE });
    expect(await wait(10)).toMatchObject({ is: 'done' });
  });
});

describe('identify-mailbox-server', () => {
  test('the server that a probe named', async () => {
    expect(await looking('identify-mailbox-server', { incident: { backEnd: 'mbx2' } })).toEqual({
      is: 'done',
      says: 'the mailbox server is mbx2',
      result: { server: 'mbx2' },
    });
  });

  test('no server was named: ends here, and names the setting that may be wrong', async () => {
    expect(await looking('identify-mailbox-server')).toMatchObject({
      is: 'refused',
      says: expect.stringContaining('verification.back-end-pattern'),
    });
  });
});

describe('remediate', () => {
  const options = { 'health-sets': 'IMAP*' };

  const BEGINS: { says: string; incident: object; begin: object }[] = [
    {
      says: 'a mailbox server behind it',
      incident: { backEnd: 'mbx2' },
      begin: { begin: 'start', note: { server: 'mbx2' } },
    },
    { says: 'none was identified', incident: {}, begin: { begin: 'refuse' } },
    {
      says: 'the server is its own mailbox server',
      incident: { backEnd: 'cas1' },
      begin: { begin: 'skip', says: 'cas1 is its own mailbox server; its monitors are handled here' },
    },
    {
      says: 'a child incident: children do not nest',
      incident: { backEnd: 'mbx2', parent: { incident: 'p', n: 1 } },
      begin: { begin: 'refuse', says: 'cas1 is already handled for another incident; child incidents do not nest' },
    },
  ];
  test.each(BEGINS)('$says', async ({ incident, begin }) => {
    expect(await beginning('remediate', { server: 'cas1', options, incident })).toMatchObject(begin);
  });

  test('opens one child for the family, and finds it again', async () => {
    const opened: string[] = [];
    const given = {
      server: 'cas1',
      options,
      openChild: async (server: string, family: string) => {
        opened.push(`${server}/${family}`);
        return { incident: 'child', joined: false };
      },
      outcomeOf: async () => undefined,
    };
    const note = { server: 'mbx2' };
    expect(await looking('remediate', { ...given, record: { note } })).toMatchObject({
      is: 'pending',
      says: 'incident child is handling mbx2',
    });
    await looking('remediate', { ...given, record: { note, child: 'child' } });
    expect(opened).toEqual(['mbx2/IMAP']);
  });

  const ended = (outcome: Outcome, sees?: VerifiedMonitors) =>
    looking('remediate', {
      server: 'cas1',
      options,
      record: { note: { server: 'mbx2' }, child: 'child' },
      outcomeOf: async () => ({ outcome, reason: 'DB02 will not move' }),
      ...(sees && { sees }),
    });

  test.each([
    ['recovered', true],
    ['transient', false],
  ] as const)('%s there: this server is verified again', async (outcome, changed) => {
    const result = { incident: 'child', server: 'mbx2', outcome };
    expect(await ended(outcome, saw('cleared'))).toMatchObject({ is: 'done', health: 'healthy', result, changed });
    expect(await ended(outcome, saw('confirmed'))).toMatchObject({ is: 'done', health: 'unhealthy', result });
    expect(await ended(outcome, saw('inconclusive'))).toMatchObject({ is: 'pending', counts: 'look' });
  });

  test.each(['escalated', 'suppressed', 'cancelled'] as const)(
    '%s there: this incident ends too, restarting nothing',
    async (outcome) => {
      expect(await ended(outcome)).toMatchObject({
        is: 'refused',
        says: `mbx2, which is behind it, was not recovered (${outcome}): DB02 will not move`,
        result: { incident: 'child', outcome },
      });
    },
  );
});

describe('facts that a restart destroys are collected before it', () => {
  test('what Managed Availability did, and which automatic services do not run', async () => {
    const actions = Array.from({ length: 21 }, (_, index) => ({
      action: 'RestartService',
      resource: `S${index}`,
      requester: 'r',
      state: 'finished' as const,
      startedAt: NINE,
    }));
    const context = stepContext('recheck', {
      exchange: {
        recoveryActions: async () => reply(actions),
        services: async () =>
          reply([
            service('A', { status: 'StopPending' }),
            service('B'),
            service('C', { status: 'Stopped', startType: 'Manual' }),
          ]),
      },
    });
    const collected = await collect(context, 'mbx1');
    expect(collected.notRunning).toEqual(['A']);
    expect(collected.recoveryActions).toHaveLength(20);
    expect(collected.recoveryActions).toContain(actions[20]);
  });

  test('a failed read is recorded, and delays nothing', async () => {
    const context = stepContext('recheck', {
      exchange: {
        recoveryActions: async () => {
          throw new ExchangeError('accessDenied', 'no event log');
        },
      },
    });
    expect(await collect(context, 'mbx1')).toEqual({ says: 'could not be collected (accessDenied): no event log' });
  });
});
