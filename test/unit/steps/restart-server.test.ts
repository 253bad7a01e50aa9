import { describe, expect, test } from 'vitest';
import {
  type AvailabilityGroup,
  type ComponentState,
  type DatabaseCopy,
  type Exchange,
  ExchangeError,
  type HealthRow,
  type ServiceState,
} from '../../../src/ports/exchange.ts';
import type { Expected } from '../../../src/steps/expected.ts';
import { MINUTE, NINE, reply, row, SECOND, service } from '../../support/stub.ts';
import { beginning, intentOf, looking } from './context.ts';

const NOTED = NINE - 30 * 24 * 60 * MINUTE;
const BOOTED = NINE + 2 * MINUTE;
const NOW = NINE + 10 * MINUTE;

interface World {
  bootedAt: number;
  /** By default, the uptime that agrees with the boot time. */
  uptimeSeconds?: number;
  services: ServiceState[];
  rows: HealthRow[];
  group: AvailabilityGroup;
  copies: Pick<DatabaseCopy, 'database' | 'status'>[];
  components: ComponentState[];
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
  components: [],
};

interface More {
  now?: number;
  issued?: boolean;
  server?: string;
  /** What was recorded with the restart; nothing, by an older version. */
  expected?: Expected;
}

function look(world: Partial<World>, more: More = {}) {
  const { bootedAt, uptimeSeconds, services, rows, group, copies, components } = { ...BACK, ...world };
  const { now = NOW, issued = false, server = 'mbx1', expected } = more;
  return looking(
    'restart-server',
    {
      server,
      now,
      record: {
        intent: intentOf('Restart-Computer', { bootedAt: NOTED }, {}, server),
        note: { bootedAt: NOTED, ...(expected && { expected }) },
      },
      exchange: {
        componentStates: async () => reply(components),
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
    expect(await look({})).toEqual({ is: 'done', says: 'mbx1 is back from its restart', changed: true });
  });

  const NOT_YET: { says: string; world: Partial<World>; waits: string }[] = [
    {
      says: 'an automatic service is stopped',
      world: { services: [service('MSExchangeIS', { status: 'Stopped' })] },
      waits: 'waiting for MSExchangeIS on mbx1',
    },
    {
      says: 'an automatic service is starting',
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
      says: 'a copy is initialising',
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
    expect(await look(world)).toMatchObject({ is: 'pending', says: waits, until: NOW + 30 * SECOND });
  });

  const events = (more: Partial<HealthRow> = {}) =>
    row('IMAP', 'CrashEvent', { recurrenceSeconds: 0, lastExecution: BOOTED - 9 * MINUTE, ...more });
  const COLD = { alertValue: 'UnInitialized' } as const;
  const OTHERS: { says: string; more: HealthRow; is: string }[] = [
    { says: 'that is event-driven, set long before the boot', more: events(), is: 'done' },
    { says: 'that is event-driven, without a time', more: never(events()), is: 'done' },
    { says: 'that is event-driven, unhealthy', more: events({ alertValue: 'Unhealthy' }), is: 'done' },
    { says: 'that is event-driven, not set yet', more: events(COLD), is: 'done' },
    { says: 'that is event-driven, stale', more: events({ isStale: true }), is: 'done' },
    { says: 'that is scheduled, not set yet', more: evaluated(COLD), is: 'pending' },
    {
      says: 'that is disabled and never evaluates',
      more: never(evaluated({ alertValue: 'Disabled' })),
      is: 'done',
    },
    { says: 'that does not say how often, from before the boot', more: silent(BOOTED), is: 'pending' },
    { says: 'that does not say how often, from after the boot', more: silent(BOOTED + 1), is: 'done' },
  ];
  test.each(OTHERS)('beside those that have evaluated a monitor $says: $is', async ({ more, is }) => {
    expect(await look({ rows: [evaluated(), more] })).toMatchObject({ is });
  });

  test('another member that is down is not waited for', async () => {
    const group = { name: 'dag1', members: [member('mbx1'), member('mbx2', false)] };
    expect(await look({ group })).toMatchObject({ is: 'done' });
  });

  test('a server in no group has no node and no copies to wait for', async () => {
    const copies = [{ database: 'DB01', status: 'Initializing' }];
    expect(await look({ copies }, { server: 'cas1' })).toMatchObject({ is: 'done' });
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
      is: 'pending',
      says: 'mbx1 does not answer yet',
    });
  });

  test('an error other than an absence is reported', async () => {
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

describe('a boot time counts as newer only if the clock was not just corrected', () => {
  const corrected = 2 * MINUTE;
  const CLOCKS: { says: string; world: Partial<World>; is: string }[] = [
    { says: 'two minutes newer: a corrected clock', world: { bootedAt: NOTED + corrected }, is: 'notIssued' },
    {
      says: 'more than two minutes newer, with an uptime of a month: a corrected clock',
      world: { bootedAt: NOTED + corrected + 1, uptimeSeconds: (NOW - NOTED) / 1000 + 600 },
      is: 'notIssued',
    },
    {
      says: 'newer, but the uptime is still a month',
      world: { uptimeSeconds: (NOW - NOTED) / 1000 },
      is: 'notIssued',
    },
    {
      says: 'newer, and the uptime agrees within four minutes',
      world: { uptimeSeconds: (NOW - BOOTED) / 1000 + 239 },
      is: 'done',
    },
    {
      says: 'newer, and the uptime is off by four minutes',
      world: { uptimeSeconds: (NOW - BOOTED) / 1000 + 240 },
      is: 'notIssued',
    },
    { says: 'the same', world: { bootedAt: NOTED }, is: 'notIssued' },
  ];
  test.each(CLOCKS)('$says', async ({ world, is }) => {
    expect(await look(world)).toMatchObject({ is });
  });
});

describe('a server that has not gone down', () => {
  const same = { bootedAt: NOTED };
  const CASES: { says: string; now: number; issued: boolean; is: string }[] = [
    { says: 'may still answer for two minutes', now: NINE + 2 * MINUTE, issued: false, is: 'pending' },
    { says: 'did not get the command, after that', now: NINE + 2 * MINUTE + 1, issued: false, is: 'notIssued' },
    { says: 'has just got the command', now: NINE + 2 * MINUTE + 1, issued: true, is: 'pending' },
  ];
  test.each(CASES)('$says', async ({ now, issued, is }) => {
    expect(await look(same, { now, issued })).toMatchObject({ is });
  });
});

describe('a server that is not back in time', () => {
  const cold = { services: [service('MSExchangeIS', { status: 'Stopped' })] };

  test('is waited for and checked until the last moment', async () => {
    const end = NINE + 45 * MINUTE;
    expect(await look(cold, { now: end - 10 * SECOND })).toMatchObject({ is: 'pending', until: end });
    expect(await look({ rows: [evaluated({ lastExecution: end - SECOND })] }, { now: end })).toMatchObject({
      is: 'done',
    });
  });

  test('ends in an escalation that says how far it got', async () => {
    expect(await look(cold, { now: NINE + 45 * MINUTE })).toEqual({
      is: 'refused',
      says: 'mbx1 is not back 45m after its restart: waiting for MSExchangeIS on mbx1',
      changed: true,
    });
  });
});

const off = (component: string, requester: string): ComponentState => ({
  component,
  state: 'Inactive',
  requesters: [{ requester, state: 'Inactive' }],
});

const HEALTHY = {
  bootTime: async () => reply({ bootedAt: NOTED, uptimeSeconds: 1 }),
  services: async () => reply([service('MSExchangeIMAP4BE'), service('MSExchangeIS')]),
  serverHealth: async () =>
    reply([row('IMAP.Protocol', 'ImapSelfTestMonitor', { targetResource: 'MSExchangeImap4BE' })]),
  componentStates: async () => reply<ComponentState[]>([]),
  availabilityGroup: async (name: string) => reply({ name, members: [member('mbx1'), member('mbx2', false)] }),
  copiesOn: async () => reply([{ database: 'DB01', status: 'Healthy' }] as DatabaseCopy[]),
};

describe('the state before the restart is expected after it', () => {
  const stopped = (name: string, more: Partial<ServiceState> = {}) => service(name, { status: 'Stopped', ...more });
  const found = async (exchange: Partial<Exchange>, more: Parameters<typeof beginning>[1] = {}) => {
    const begun = await beginning('restart-server', { ...more, exchange: { ...HEALTHY, ...exchange } });
    return begun.begin === 'start' ? begun.note.expected : undefined;
  };

  test('a healthy server: everything', async () => {
    expect(await found({})).toEqual({
      services: ['MSExchangeIMAP4BE', 'MSExchangeIS'],
      monitors: ['IMAP.Protocol\\ImapSelfTestMonitor\\MSExchangeImap4BE'],
      evaluates: true,
      node: true,
      copies: ['DB01'],
    });
  });

  const SERVICES: { says: string; services: ServiceState[]; components?: ComponentState[]; expects: string[] }[] = [
    { says: 'a service that was not running is not expected', services: [stopped('MSExchangePOP3')], expects: [] },
    {
      says: 'a service that Windows does not start is not expected',
      services: [service('S', { startType: 'Manual' })],
      expects: [],
    },
    {
      says: 'a service that hung while stopping is expected',
      services: [service('S', { status: 'StopPending' })],
      expects: ['S'],
    },
    {
      says: 'a service that is stopped by design is not expected',
      services: [stopped('MSExchangeIMAP4')],
      components: [off('ImapProxy', 'HealthApi')],
      expects: [],
    },
    {
      says: 'a service that ran although its component was out of service is not expected: after a boot it may stay stopped',
      services: [service('MSEXCHANGEIMAP4')],
      components: [off('imapproxy', 'HealthAPI')],
      expects: [],
    },
    {
      says: 'a stopped service that the monitors of the run watch is expected: it is what the run fixes',
      services: [stopped('MSExchangeIMAP4BE')],
      expects: ['MSExchangeIMAP4BE'],
    },
  ];
  test.each(SERVICES)('$says', async ({ services, components = [], expects }) => {
    const handles = [{ healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' }];
    const run = { playbook: 'p', hash: 'h', mode: 'auto' as const, handles, plan: [], healed: false };
    const exchange = { services: async () => reply(services), componentStates: async () => reply(components) };
    expect(await found(exchange, { incident: { runs: [run] } })).toMatchObject({ services: expects });
  });

  test('a stopped service that the run has restarted without success is expected', async () => {
    const step = { n: 1, step: 'restart-service', options: { name: 'S' }, changes: true, says: 's' };
    const failed = {
      step,
      state: 'failed' as const,
      note: {},
      inconclusiveTries: 0,
      unhealthyTries: 0,
      intent: intentOf('Restart-Service', {}, { Name: 's' }),
    };
    const exchange = { services: async () => reply([stopped('S'), stopped('Other')]) };
    expect(await found(exchange, { incident: { steps: [failed] } })).toMatchObject({ services: ['S'] });
  });

  const ROWS: { says: string; row: Partial<HealthRow>; evaluates: boolean }[] = [
    { says: 'never evaluated', row: { alertValue: 'UnInitialized' }, evaluates: false },
    { says: 'disabled', row: { alertValue: 'Disabled' }, evaluates: false },
    { says: 'stale', row: { isStale: true }, evaluates: false },
    { says: 'event-driven', row: { recurrenceSeconds: 0 }, evaluates: true },
    { says: 'evaluated once an hour', row: { recurrenceSeconds: 3600 }, evaluates: true },
  ];
  test.each(ROWS)('a monitor that was $says is not waited for', async ({ row: more, evaluates }) => {
    const exchange = { serverHealth: async () => reply([row('IMAP.Protocol', 'ImapSelfTestMonitor', more)]) };
    expect(await found(exchange)).toMatchObject({ monitors: [], evaluates });
  });

  test('a node that was down and a copy that had no service are not waited for', async () => {
    const exchange = {
      availabilityGroup: async (name: string) => reply({ name, members: [member('MBX1', false)] }),
      copiesOn: async () =>
        reply([
          { database: 'DB01', status: 'servicedown' },
          { database: 'DB02', status: 'Failed' },
        ] as DatabaseCopy[]),
    };
    expect(await found(exchange)).toMatchObject({ node: false, copies: ['DB02'] });
  });

  test('if a fact could not be read, everything is expected', async () => {
    const away = async () => {
      throw new ExchangeError('unreachable', 'away');
    };
    const exchange = {
      services: away,
      serverHealth: away,
      componentStates: away,
      availabilityGroup: away,
      copiesOn: away,
    };
    expect(await found(exchange)).toEqual({});
  });
});

describe('a server is back when it is as it was', () => {
  const down = (name: string) => service(name, { status: 'Stopped' });
  const CASES: { says: string; world: Partial<World>; expected: Expected; server?: string; is: string }[] = [
    {
      says: 'a service that did not run before does not run',
      world: { services: [service('MSExchangeIS'), down('MSExchangePOP3')] },
      expected: { services: ['MSExchangeIS'] },
      is: 'done',
    },
    {
      says: 'a service that ran before does not run',
      world: { services: [down('MSExchangeIS')] },
      expected: { services: ['msexchangeis'] },
      is: 'pending',
    },
    {
      says: 'a service that ran before is stopped by design now',
      world: { services: [down('MSExchangeIMAP4')], components: [off('ImapProxy', 'HealthAPI')] },
      expected: { services: ['MSExchangeIMAP4'] },
      server: 'cas1',
      is: 'done',
    },
    {
      says: 'a monitor that evaluated before has not',
      world: { rows: [evaluated({ lastExecution: BOOTED })] },
      expected: { monitors: ['IMAP.Protocol\\ImapSelfTestMonitor\\'] },
      is: 'pending',
    },
    {
      says: 'a monitor that was disabled before has not evaluated, the other has',
      world: { rows: [evaluated(), row('IMAP', 'Off', { alertValue: 'Disabled', lastExecution: 0 })] },
      expected: { monitors: ['IMAP.Protocol\\ImapSelfTestMonitor\\'], evaluates: true },
      is: 'done',
    },
    {
      says: 'no monitor of the family evaluated before, and the health manager does not work yet',
      world: { rows: [evaluated({ alertValue: 'Disabled', lastExecution: 0 })] },
      expected: { monitors: [], evaluates: true },
      is: 'pending',
    },
    {
      says: 'no monitor of the family evaluated before, and another one shows that the health manager works',
      world: { rows: [evaluated({ lastExecution: 0 }), row('ActiveSync', 'M', { lastExecution: NOW - SECOND })] },
      expected: { monitors: [], evaluates: true },
      is: 'done',
    },
    {
      says: 'no monitor at all evaluated before',
      world: { rows: [evaluated({ lastExecution: 0 })] },
      expected: { monitors: [], evaluates: false },
      is: 'done',
    },
    {
      says: 'the node was down before',
      world: { group: { name: 'dag1', members: [member('mbx1', false)] } },
      expected: { node: false },
      is: 'done',
    },
    {
      says: 'the node was up before',
      world: { group: { name: 'dag1', members: [member('MBX1', false)] } },
      expected: { node: true },
      is: 'pending',
    },
    {
      says: 'a copy had no service before',
      world: { copies: [{ database: 'DB01', status: 'ServiceDown' }] },
      expected: { copies: [] },
      is: 'done',
    },
    {
      says: 'a copy was in service before',
      world: { copies: [{ database: 'DB01', status: 'INITIALIZING' }] },
      expected: { copies: ['db01'] },
      is: 'pending',
    },
  ];
  test.each(CASES)('$says: $is', async ({ world, expected, server, is }) => {
    expect(await look(world, { expected, ...(server && { server }) })).toMatchObject({ is });
  });
});

test('the boot time found before is the fence of the command', async () => {
  const begun = await beginning('restart-server', {
    exchange: { ...HEALTHY, bootTime: async () => reply({ bootedAt: NOTED, uptimeSeconds: 1 }) },
  });
  expect(begun).toMatchObject({
    begin: 'start',
    change: {
      action: 'restart-server',
      intent: { command: 'Restart-Computer', server: 'mbx1', fence: { bootedAt: NOTED } },
    },
  });
});

function never({ lastExecution: _never, ...rest }: HealthRow): HealthRow {
  return rest;
}

function silent(lastExecution: number): HealthRow {
  const { recurrenceSeconds: _unknown, ...rest } = evaluated({ lastExecution });
  return rest;
}
