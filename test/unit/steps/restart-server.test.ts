import { describe, expect, test } from 'vitest';
import {
  type AvailabilityGroup,
  type DatabaseCopy,
  ExchangeError,
  type HealthRow,
  type ServiceState,
} from '../../../src/ports.ts';
import { MINUTE, NINE, reply, row, SECOND, service } from '../../support/stub.ts';
import { beginning, intentOf, looking } from './context.ts';

const NOTED = NINE - 30 * 24 * 60 * MINUTE;
const BOOTED = NINE + 2 * MINUTE;
const NOW = NINE + 10 * MINUTE;

interface World {
  bootedAt: number;
  /** By default the one that agrees with the boot time. */
  uptimeSeconds?: number;
  services: ServiceState[];
  rows: HealthRow[];
  group: AvailabilityGroup;
  copies: Pick<DatabaseCopy, 'database' | 'status'>[];
}

const evaluated = (more: Partial<HealthRow> = {}) =>
  row('IMAP.Protocol', 'ImapSelfTestMonitor', { lastExecution: NOW - MINUTE, ...more });
const member = (server: string, up = true) => ({ server, site: 'Tokyo', up, suspended: false });

/** Ten minutes after the command, and back in every respect. */
const BACK: World = {
  bootedAt: BOOTED,
  services: [service('MSExchangeIMAP4BE'), service('MSExchangePOP3BE', { startType: 'Manual', status: 'Stopped' })],
  rows: [evaluated(), row('ActiveSync', 'ActiveSyncCTPMonitor', { isStale: true })],
  group: { name: 'dag1', members: [member('mbx1'), member('mbx2')] },
  copies: [{ database: 'DB01', status: 'Healthy' }],
};

function look(world: Partial<World>, more: { now?: number; issued?: boolean; server?: string } = {}) {
  const { bootedAt, uptimeSeconds, services, rows, group, copies } = { ...BACK, ...world };
  const { now = NOW, issued = false, server = 'mbx1' } = more;
  return looking(
    'restart-server',
    {
      server,
      now,
      record: { intent: intentOf('Restart-Computer', { bootedAt: NOTED }, {}, server) },
      exchange: {
        bootTime: async () => reply({ bootedAt, uptimeSeconds: uptimeSeconds ?? (now - bootedAt) / 1000 }),
        services: async () => reply(services),
        serverHealth: async () => reply(rows),
        availabilityGroup: async () => reply(group),
        copiesOn: async () => reply(copies as DatabaseCopy[]),
      },
    },
    issued,
  );
}

describe('back from a restart is more than a ping', () => {
  test('everything holds: back', async () => {
    expect(await look({})).toEqual({ look: 'done', says: 'mbx1 is back from its restart', changed: true });
  });

  const NOT_YET: { says: string; world: Partial<World>; waits: string }[] = [
    {
      says: 'an automatic service is stopped',
      world: { services: [service('MSExchangeIS', { status: 'Stopped' })] },
      waits: 'waiting for MSExchangeIS on mbx1',
    },
    {
      says: 'an automatic service starts',
      world: { services: [service('MSExchangeIS', { status: 'StartPending' })] },
      waits: 'waiting for MSExchangeIS on mbx1',
    },
    {
      says: 'a monitor of the family has not evaluated since the boot',
      world: { rows: [evaluated(), evaluated({ lastExecution: BOOTED })] },
      waits: 'waiting until the monitors of mbx1 have evaluated',
    },
    {
      says: 'a monitor of the family has never evaluated',
      world: { rows: [evaluated({ alertValue: 'UnInitialized' })] },
      waits: 'waiting until the monitors of mbx1 have evaluated',
    },
    {
      says: 'a row of the family is stale',
      world: { rows: [evaluated({ isStale: true })] },
      waits: 'waiting until the monitors of mbx1 have evaluated',
    },
    {
      says: 'there are no rows of the family yet',
      world: { rows: [row('ActiveSync', 'ActiveSyncCTPMonitor', { lastExecution: NOW })] },
      waits: 'waiting until the monitors of mbx1 have evaluated',
    },
    {
      says: 'its cluster node is down',
      world: { group: { name: 'dag1', members: [member('mbx1', false), member('mbx2')] } },
      waits: 'waiting until mbx1 is up in dag1',
    },
    {
      says: 'a copy initialises',
      world: { copies: [{ database: 'DB01', status: 'Initializing' }] },
      waits: 'waiting for the database copies on mbx1',
    },
    {
      says: 'a copy has no service yet',
      world: { copies: [{ database: 'DB01', status: 'ServiceDown' }] },
      waits: 'waiting for the database copies on mbx1',
    },
  ];
  test.each(NOT_YET)('$says: not yet', async ({ world, waits }) => {
    expect(await look(world)).toMatchObject({ look: 'pending', says: waits, until: NOW + 30 * SECOND });
  });

  test('another member that is down is no reason to wait', async () => {
    const group = { name: 'dag1', members: [member('mbx1'), member('mbx2', false)] };
    expect(await look({ group })).toMatchObject({ look: 'done' });
  });

  test('a server in no group has neither node nor copies to wait for', async () => {
    const copies = [{ database: 'DB01', status: 'Initializing' }];
    expect(await look({ copies }, { server: 'cas1' })).toMatchObject({ look: 'done' });
  });

  test.each(['unreachable', 'timedOut'] as const)('%s: it is away', async (code) => {
    const given = {
      now: NOW,
      record: { intent: intentOf('Restart-Computer', { bootedAt: NOTED }) },
      exchange: {
        bootTime: async () => {
          throw new ExchangeError(code, 'x');
        },
      },
    };
    expect(await looking('restart-server', given)).toMatchObject({
      look: 'pending',
      says: 'mbx1 does not answer yet',
    });
  });

  test('an answer that is no absence is not taken for one', async () => {
    const given = {
      record: { intent: intentOf('Restart-Computer', { bootedAt: NOTED }) },
      exchange: {
        bootTime: async () => {
          throw new ExchangeError('accessDenied', 'no rights');
        },
      },
    };
    await expect(looking('restart-server', given)).rejects.toThrow('no rights');
  });
});

describe('a boot time is newer only when the clock was not merely corrected', () => {
  const corrected = 2 * MINUTE;
  const CLOCKS: { says: string; world: Partial<World>; look: string }[] = [
    { says: 'two minutes newer: a corrected clock', world: { bootedAt: NOTED + corrected }, look: 'notIssued' },
    {
      says: 'more than two minutes newer, with an uptime of a month: a corrected clock',
      world: { bootedAt: NOTED + corrected + 1, uptimeSeconds: (NOW - NOTED) / 1000 + 600 },
      look: 'notIssued',
    },
    {
      says: 'newer, but the uptime is still a month',
      world: { uptimeSeconds: (NOW - NOTED) / 1000 },
      look: 'notIssued',
    },
    {
      says: 'newer, and the uptime agrees within four minutes',
      world: { uptimeSeconds: (NOW - BOOTED) / 1000 + 239 },
      look: 'done',
    },
    {
      says: 'newer, and the uptime is off by four minutes',
      world: { uptimeSeconds: (NOW - BOOTED) / 1000 + 240 },
      look: 'notIssued',
    },
    { says: 'the same', world: { bootedAt: NOTED }, look: 'notIssued' },
  ];
  test.each(CLOCKS)('$says', async ({ world, look: is }) => {
    expect(await look(world)).toMatchObject({ look: is });
  });
});

describe('a server that has not gone down', () => {
  const same = { bootedAt: NOTED };
  const CASES: { says: string; now: number; issued: boolean; look: string }[] = [
    { says: 'may still answer for two minutes', now: NINE + 2 * MINUTE, issued: false, look: 'pending' },
    { says: 'was not told to, after that', now: NINE + 2 * MINUTE + 1, issued: false, look: 'notIssued' },
    { says: 'was told to just now', now: NINE + 2 * MINUTE + 1, issued: true, look: 'pending' },
  ];
  test.each(CASES)('$says', async ({ now, issued, look: is }) => {
    expect(await look(same, { now, issued })).toMatchObject({ look: is });
  });
});

describe('a server that is not back in time', () => {
  const cold = { services: [service('MSExchangeIS', { status: 'Stopped' })] };

  test('is waited for to the last moment, and looked at then', async () => {
    const end = NINE + 45 * MINUTE;
    expect(await look(cold, { now: end - 10 * SECOND })).toMatchObject({ look: 'pending', until: end });
    expect(await look({ rows: [evaluated({ lastExecution: end - SECOND })] }, { now: end })).toMatchObject({
      look: 'done',
    });
  });

  test('ends in escalation that says how far it came', async () => {
    expect(await look(cold, { now: NINE + 45 * MINUTE })).toEqual({
      look: 'refused',
      says: 'mbx1 is not back 45m after its restart: waiting for MSExchangeIS on mbx1',
      changed: true,
    });
  });
});

test('the boot time that is found before is the fence of the command', async () => {
  const begun = await beginning('restart-server', {
    exchange: { bootTime: async () => reply({ bootedAt: NOTED, uptimeSeconds: 1 }) },
  });
  expect(begun).toMatchObject({
    begin: 'start',
    change: {
      action: 'restart-server',
      intent: { command: 'Restart-Computer', server: 'mbx1', fence: { bootedAt: NOTED } },
    },
  });
});
