import { describe, expect, test } from 'vitest';
import type { ThrottleLimits } from '../../../src/guards/guard.ts';
import { limitsOn, throttle, throttleRules } from '../../../src/guards/throttle.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import type { PlannedChange } from '../../../src/incident/planned-change.ts';
import type { Restriction } from '../../../src/incident/restrictions.ts';
import { ExchangeError, type RecoveryAction } from '../../../src/ports/exchange.ts';
import type { StartRefusal, ThrottleRule } from '../../../src/ports/journal.ts';
import { facts, HOUR, MINUTE, NINE, reply } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const LIMITS: ThrottleLimits = {
  minutesBetween: 60,
  perHour: 2,
  perDay: 3,
  groupMinutesBetween: 600,
  groupPerDay: 4,
};
const DAYS_AGO = NINE - 72 * HOUR;

describe('what is counted', () => {
  const target = facts('mbx1', { dag: 'dag1' });
  const own = { minutesBetween: 60, perHour: 2, perDay: 3, group: false, now: NINE };
  const shared = { minutesBetween: 600, perHour: -1, perDay: 4, group: true, now: NINE };

  const RULES: {
    says: string;
    change: PlannedChange;
    group?: string;
    limits?: ThrottleLimits;
    rules: ThrottleRule[];
  }[] = [
    {
      says: 'a service: by server and service, and in its group',
      change: changeTo('restart-service', {}, 'MSExchangeIMAP4BE'),
      group: 'dag1',
      limits: LIMITS,
      rules: [
        { ...own, key: 'restart-service:mbx1:MSExchangeIMAP4BE' },
        { ...shared, key: 'restart-service@dag1' },
      ],
    },
    {
      says: 'a server: by server',
      change: changeTo('restart-server'),
      limits: LIMITS,
      rules: [{ ...own, key: 'restart-server:mbx1' }],
    },
    { says: 'a setting: not at all', change: changeTo('setting'), group: 'dag1', rules: [] },
  ];
  test.each(RULES)('$says', ({ change, group, limits, rules }) => {
    expect(throttleRules(change, target, group, limits, NINE)).toEqual(rules);
  });
});

describe('restrictions', () => {
  const on = (throttles: Partial<ThrottleLimits>, where: Partial<Restriction> = {}): Restriction => ({
    key: 'playbooks.restrictions[0]',
    ...where,
    throttles: { 'restart-service': throttles },
  });
  const NONE: ThrottleLimits = {
    minutesBetween: -1,
    perHour: -1,
    perDay: -1,
    groupMinutesBetween: -1,
    groupPerDay: -1,
  };

  test.each<[what: string, limits: ThrottleLimits, restrictions: Restriction[], expected: Partial<ThrottleLimits>]>([
    ['none', LIMITS, [], LIMITS],
    ['a longer time, fewer times', LIMITS, [on({ minutesBetween: 90, perDay: 1 })], { minutesBetween: 90, perDay: 1 }],
    ['one that would allow more', LIMITS, [on({ minutesBetween: 5, perHour: 9, groupPerDay: 9 })], LIMITS],
    [
      'where there is no limit',
      NONE,
      [on({ minutesBetween: 5, perHour: 9 })],
      { minutesBetween: 5, perHour: 9, perDay: -1 },
    ],
    ['the tightest of each', LIMITS, [on({ perDay: 2 }), on({ perDay: 1, perHour: 1 })], { perHour: 1, perDay: 1 }],
    ['for its group', LIMITS, [on({ groupPerDay: 1 }, { groups: ['dag1'] })], { groupPerDay: 1 }],
    ['for another group', LIMITS, [on({ groupPerDay: 1 }, { groups: ['dag2'] })], LIMITS],
    ['for another playbook', LIMITS, [on({ perDay: 1 }, { playbooks: ['pop-*'] })], LIMITS],
  ])('%s', (_what, limits, restrictions, expected) => {
    const settings = { throttles: { 'restart-service': limits }, restrictions };
    const target = facts('mbx1', { dag: 'dag1' });
    expect(limitsOn(settings, 'restart-service', 'imap-protocol', target)).toMatchObject(expected);
    expect(limitsOn(settings, 'setting', 'imap-protocol', target)).toBeUndefined();
  });
});

describe('a reached limit is refused with its reason', () => {
  const rule: ThrottleRule = { key: 'k', minutesBetween: 60, perHour: 2, perDay: 3, group: false, now: NINE };
  const REFUSALS: [Extract<StartRefusal, { by: 'throttle' }>['limit'], boolean, string, string][] = [
    ['minutesBetween', false, 'too-soon', 'the last one was too recent'],
    ['minutesBetween', true, 'group-too-soon', 'the last one was too recent'],
    ['perHour', false, 'hourly-limit', 'the hourly limit is reached'],
    ['perDay', false, 'daily-limit', 'the daily limit is reached'],
    ['perDay', true, 'group-daily-limit', 'the daily limit is reached'],
  ];
  test.each(REFUSALS)('%s, of a group: %s → %s', async (limit, group, reason, words) => {
    const refusal: StartRefusal = { by: 'throttle', rule: { ...rule, group }, limit, last: NINE - HOUR, count: 2 };
    expect(await throttle.judge(context({ refusal }))).toEqual({
      answer: 'refuse',
      reason,
      says: `k: ${words} (2 before, the last at 2026-05-12T08:00:00.000Z)`,
    });
    expect(throttle.reasons).toContain(reason);
  });
});

test('a start of our own does not count as a start by others', async () => {
  const change = changeTo('restart-service', { startedAt: NINE - 5 * MINUTE }, 'MSExchangeIMAP4BE');
  const asked: number[] = [];
  const startedByUs = async (minutes: number) => {
    asked.push(minutes);
    return true;
  };
  const settings = { throttles: { 'restart-service': LIMITS } };
  expect(await throttle.judge(context({ change, settings, startedByUs }))).toEqual({ answer: 'allow' });
  expect(asked).toEqual([60]);
});

describe('starts by others count too', () => {
  const action = (startedAt: number, endedAt?: number): RecoveryAction => ({
    action: 'RestartService',
    resource: 'MSExchangeIMAP4BE',
    requester: 'ImapSelfTestRestart',
    state: 'finished',
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
  });
  interface Case {
    says: string;
    /** When the service (or, for a reboot, the server) started. */
    startedAt: number | null;
    reboot?: boolean;
    bootedAt?: number;
    actions?: RecoveryAction[];
    incident?: Partial<Incident>;
    limits?: Partial<ThrottleLimits>;
    refused?: string;
  }
  const ago = (minutes: number) => NINE - minutes * MINUTE;
  const somebody = 'MSExchangeIMAP4BE on mbx1 was started 20 min ago by someone else, and the problem is still there';

  const CASES: Case[] = [
    { says: 'a service that has run for days', startedAt: DAYS_AGO },
    { says: 'a service that someone started', startedAt: ago(20), refused: somebody },
    { says: 'a service that is stopped: nobody has tried', startedAt: null },
    {
      says: 'a service that was started exactly as long ago as the limit',
      startedAt: ago(60),
      refused: 'MSExchangeIMAP4BE on mbx1 was started 60 min ago by someone else, and the problem is still there',
    },
    { says: 'a service that was started longer ago', startedAt: ago(60) - 1 },
    { says: 'Managed Availability restarted it', startedAt: ago(20), actions: [action(ago(21), ago(20))] },
    {
      says: 'Managed Availability began to restart it at about that time',
      startedAt: ago(20),
      actions: [action(ago(16))],
    },
    {
      says: 'Managed Availability did something at another time',
      startedAt: ago(20),
      actions: [action(ago(40), ago(38))],
      refused: somebody,
    },
    { says: 'the server booted and started it', startedAt: ago(20), bootedAt: ago(24) },
    {
      says: 'the server booted long before',
      startedAt: ago(20),
      bootedAt: ago(51),
      refused: somebody,
    },
    {
      says: 'a server that someone rebooted',
      reboot: true,
      startedAt: ago(20),
      bootedAt: ago(20),
      refused: 'mbx1 on mbx1 was started 20 min ago by someone else, and the problem is still there',
    },
    {
      says: 'a server that Managed Availability rebooted',
      reboot: true,
      startedAt: ago(20),
      bootedAt: ago(20),
      actions: [action(ago(23))],
    },
    {
      says: 'our own run has already changed something: it was admitted',
      startedAt: ago(1),
      incident: { changed: true },
    },
    {
      says: 'a child is part of its parent’s run',
      startedAt: ago(20),
      incident: { parent: { incident: 'p', n: 1 } },
    },
    { says: 'no limit is set', startedAt: ago(20), limits: { minutesBetween: -1 } },
  ];
  test.each(CASES)(
    '$says',
    async ({ startedAt, reboot, bootedAt = DAYS_AGO, actions = [], incident, limits, refused }) => {
      const change = reboot
        ? changeTo('restart-server', { bootedAt: startedAt })
        : changeTo('restart-service', { startedAt }, 'MSExchangeIMAP4BE');
      const answer = await throttle.judge(
        context({
          change,
          ...(incident && { incident }),
          settings: { throttles: { [change.action]: { ...LIMITS, ...limits } } },
          exchange: {
            recoveryActions: async () => reply(actions),
            bootTime: async () => reply({ bootedAt, uptimeSeconds: (NINE - bootedAt) / 1000 }),
          },
        }),
      );
      if (refused === undefined) expect(answer).toEqual({ answer: 'allow' });
      else expect(answer).toEqual({ answer: 'refuse', reason: 'started-by-others', says: refused });
    },
  );

  test('a setting is not throttled, and nothing is read', async () => {
    expect(await throttle.judge(context({ change: changeTo('setting') }))).toEqual({ answer: 'allow' });
  });

  test('recovery actions that cannot be read do not count as none', async () => {
    const exchange = {
      recoveryActions: async () => {
        throw new ExchangeError('accessDenied', 'no event log');
      },
    };
    const change = changeTo('restart-service', { startedAt: ago(20) });
    await expect(throttle.judge(context({ change, exchange }))).rejects.toThrow('no event log');
  });
});
