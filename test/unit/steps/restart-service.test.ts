import { describe, expect, test } from 'vitest';
import type { ComponentState, ServiceState } from '../../../src/ports/exchange.ts';
import { restartService, restartServiceUndo } from '../../../src/steps/restart-service.ts';
import { facts, MINUTE, NINE, reply, SECOND, service } from '../../support/stub.ts';
import { beginning, intentOf, looking, undoContext } from './context.ts';

const stopped = (name: string, more: Partial<ServiceState> = {}): ServiceState => {
  const { startedAt: _none, ...rest } = service(name, { status: 'Stopped', ...more });
  return rest;
};

const component = (...requesters: [string, 'Active' | 'Inactive' | 'Draining'][]): ComponentState[] => [
  {
    component: 'ImapProxy',
    state: requesters.some(([, state]) => state !== 'Active') ? 'Inactive' : 'Active',
    requesters: requesters.map(([requester, state]) => ({ requester, state })),
  },
];

describe('a service that someone stopped, or that is stopped by design, is not started', () => {
  const CASES: {
    says: string;
    service: ServiceState;
    components?: ComponentState[];
    begins: 'start' | 'skip' | 'refuse';
    words?: string;
  }[] = [
    { says: 'running', service: service('MSExchangeIMAP4'), begins: 'start' },
    { says: 'hanging while stopping', service: service('MSExchangeIMAP4', { status: 'StopPending' }), begins: 'start' },
    {
      says: 'running, but disabled for the next start',
      service: service('MSExchangeIMAP4', { startType: 'Disabled' }),
      begins: 'refuse',
      words: 'MSExchangeIMAP4 is disabled on cas1: someone decided that it must not run',
    },
    {
      says: 'stopped and disabled',
      service: stopped('MSExchangeIMAP4', { startType: 'Disabled' }),
      begins: 'refuse',
      words: 'is disabled',
    },
    {
      says: 'stopped, though it starts automatically, with its component active',
      service: stopped('MSExchangeIMAP4'),
      components: component(['HealthAPI', 'Active']),
      begins: 'start',
    },
    {
      says: 'stopped and manual',
      service: stopped('MSExchangeIMAP4', { startType: 'Manual' }),
      components: component(),
      begins: 'refuse',
      words: 'MSExchangeIMAP4 is stopped on cas1 and does not start automatically',
    },
    { says: 'running and manual', service: service('MSExchangeIMAP4', { startType: 'Manual' }), begins: 'start' },
    {
      says: 'stopped, its component inactive by Managed Availability alone',
      service: stopped('MSExchangeIMAP4'),
      components: component(['HealthAPI', 'Inactive'], ['Maintenance', 'Active']),
      begins: 'skip',
      words: 'Managed Availability has set ImapProxy Inactive on cas1; MSExchangeIMAP4 is stopped by design',
    },
    {
      says: 'stopped, its component inactive by Managed Availability, which another version of Exchange spells differently',
      service: stopped('MSExchangeIMAP4'),
      components: component(['HealthApi', 'Inactive']),
      begins: 'skip',
      words: 'Managed Availability has set ImapProxy Inactive',
    },
    {
      says: 'stopped, its component inactive by maintenance: the guards refuse it',
      service: stopped('MSExchangeIMAP4'),
      components: component(['Maintenance', 'Inactive']),
      begins: 'start',
    },
    {
      says: 'stopped and manual, its component draining by someone: the guards refuse it, with the relevant reason',
      service: stopped('MSExchangeIMAP4', { startType: 'Manual' }),
      components: component(['HealthAPI', 'Inactive'], ['Functional', 'Draining']),
      begins: 'start',
    },
    {
      says: 'disabled, its component inactive by maintenance',
      service: service('MSExchangeIMAP4', { startType: 'Disabled' }),
      components: component(['Maintenance', 'Inactive']),
      begins: 'refuse',
      words: 'must not run; ImapProxy is Inactive on cas1, requested by Maintenance',
    },
    {
      says: 'running, its component inactive by Managed Availability: the page restarts it',
      service: service('MSExchangeIMAP4'),
      components: component(['HealthAPI', 'Inactive']),
      begins: 'start',
    },
    {
      says: 'named in another case, stopped, its component inactive by Managed Availability',
      service: stopped('msexchangeimap4'),
      components: component(['HealthAPI', 'Inactive']),
      begins: 'skip',
      words: 'stopped by design',
    },
    {
      says: 'stopped, its component unknown to the server',
      service: stopped('MSExchangeIMAP4'),
      components: [],
      begins: 'start',
    },
    { says: 'a back end that is stopped: it has no component', service: stopped('MSExchangeIMAP4BE'), begins: 'start' },
  ];
  test.each(CASES)('$says: $begins', async ({ service: found, components = [], begins, words = '' }) => {
    const begun = await beginning('restart-service', {
      server: 'cas1',
      options: { name: found.name },
      exchange: {
        service: async () => reply(found),
        componentStates: async () => reply(components),
      },
    });
    expect(begun.begin).toBe(begins);
    if (begun.begin !== 'start') expect(begun.says).toContain(words);
  });
});

describe('where it is restarted', () => {
  const WHERE: { says: string; on: string; server: string; backEnd?: string; at?: string }[] = [
    { says: 'this server', on: 'this-server', server: 'mbx1', backEnd: 'mbx2', at: 'mbx1' },
    { says: 'the back end that a probe named', on: 'back-end', server: 'cas1', backEnd: 'mbx2', at: 'mbx2' },
    { says: 'no back end was named, and this server has the role', on: 'back-end', server: 'ex1', at: 'ex1' },
    { says: 'no back end was named, and this server does not have the role', on: 'back-end', server: 'cas1' },
  ];
  test.each(WHERE)('$says', async ({ on, server, backEnd, at }) => {
    const begun = await beginning('restart-service', {
      server,
      options: { name: 'MSExchangeIMAP4BE', on },
      ...(backEnd && { incident: { backEnd } }),
      exchange: { service: async (_server, name) => reply(service(name)) },
    });
    if (at === undefined) {
      expect(begun).toMatchObject({ begin: 'skip', says: expect.stringContaining('cas1 has no mailbox role') });
    } else {
      expect(begun).toMatchObject({
        begin: 'start',
        change: {
          action: 'restart-service',
          resource: 'MSExchangeIMAP4BE',
          intent: { server: at, fence: { startedAt: service('x').startedAt } },
        },
      });
    }
  });

  const both = { name: ['MSExchangeIMAP4BE', 'MSExchangeIMAP4'], on: 'own-role' };
  test.each([
    ['a mailbox server', 'mbx1', ['MSExchangeIMAP4BE']],
    ['a client access server', 'cas1', ['MSExchangeIMAP4']],
    ['a combined server', 'ex1', ['MSExchangeIMAP4BE', 'MSExchangeIMAP4']],
  ])('own-role on %s: one step for each of its services', (_says, server, names) => {
    expect(restartService.expand?.(both, facts(server)).map(({ name }) => name)).toEqual(names);
  });

  test('this-server takes every named service', () => {
    const options = { name: ['MSExchangeIMAP4BE', 'MSExchangeIMAP4'], on: 'this-server' };
    expect(restartService.expand?.(options, facts('cas1'))).toHaveLength(2);
  });
});

describe('the result of the restart', () => {
  const NOTED = NINE - 60 * MINUTE;
  const CASES: {
    says: string;
    found: ServiceState;
    noted?: number | null;
    issued?: boolean;
    after?: number;
    polled: object;
  }[] = [
    {
      says: 'it runs, and started later than recorded',
      found: service('S', { startedAt: NOTED + 1 }),
      polled: { is: 'done', changed: true },
    },
    {
      says: 'it runs, and was stopped before',
      found: service('S', { startedAt: NOTED }),
      noted: null,
      polled: { is: 'done', changed: true },
    },
    {
      says: 'the same process runs, and no command is known: it was not sent',
      found: service('S', { startedAt: NOTED }),
      polled: { is: 'notIssued' },
    },
    {
      says: 'the same process runs just after the command',
      found: service('S', { startedAt: NOTED }),
      issued: true,
      polled: { is: 'pending' },
    },
    {
      says: 'it is stopped as before, and no command is known: it was not sent',
      found: stopped('S'),
      noted: null,
      polled: { is: 'notIssued' },
    },
    {
      says: 'it was running and is stopped: someone is restarting it',
      found: stopped('S'),
      polled: { is: 'pending', says: 'S on mbx1 is Stopped' },
    },
    {
      says: 'it is starting',
      found: service('S', { status: 'StartPending', startedAt: NOTED + 1 }),
      polled: { is: 'pending' },
    },
    {
      says: 'it has been hanging while stopping for three minutes',
      found: service('S', { status: 'StopPending', startedAt: NOTED }),
      after: 3 * MINUTE,
      polled: { is: 'failed', says: 'S on mbx1 hangs while stopping after the restart', changed: true },
    },
    {
      says: 'it has been hanging for a second less',
      found: service('S', { status: 'StopPending', startedAt: NOTED }),
      after: 3 * MINUTE - SECOND,
      polled: { is: 'pending' },
    },
    {
      says: 'it does not start again',
      found: stopped('S'),
      after: 3 * MINUTE,
      polled: { is: 'failed', says: 'S on mbx1 is Stopped after the restart', changed: true },
    },
  ];
  test.each(CASES)('$says', async ({ found, noted = NOTED, issued = false, after = SECOND, polled }) => {
    const given = {
      options: { name: 'S' },
      record: { intent: intentOf('Restart-Service', { startedAt: noted }, { Name: 'S' }) },
      now: NINE + after,
      exchange: { service: async () => reply(found) },
    };
    expect(await looking('restart-service', given, issued)).toMatchObject(polled);
  });
});

test('a service that its component stops again after the restart counts as restarted', async () => {
  const given = {
    server: 'cas1',
    options: { name: 'MSExchangeIMAP4' },
    record: { intent: intentOf('Restart-Service', { startedAt: NINE - MINUTE }, { Name: 'MSExchangeIMAP4' }, 'cas1') },
    exchange: {
      service: async () => reply(stopped('MSExchangeIMAP4')),
      componentStates: async () => reply(component(['HealthAPI', 'Inactive'])),
    },
  };
  expect(await looking('restart-service', { ...given, now: NINE + MINUTE })).toMatchObject({ is: 'pending' });
  expect(await looking('restart-service', { ...given, now: NINE + 3 * MINUTE })).toEqual({
    is: 'done',
    says: 'MSExchangeIMAP4 on cas1 was restarted and stopped again by design: ImapProxy is Inactive on cas1, requested by HealthAPI',
    changed: true,
  });
});

describe('the restart as an undo', () => {
  const debt = { kind: 'restart-service', value: { service: 'MSExchangeIMAP4' } };

  test('a stopped service reads its settings when it starts: nothing to do', async () => {
    const exchange = { service: async () => reply(stopped('MSExchangeIMAP4')) };
    expect(await restartServiceUndo.begin(undoContext(debt, { exchange }))).toEqual({
      begin: 'notNeeded',
      says: 'MSExchangeIMAP4 is stopped on mbx1',
    });
  });

  test('a running service is restarted, with the same fence as in a step', async () => {
    const found = service('MSExchangeIMAP4');
    const exchange = { service: async () => reply(found) };
    expect(await restartServiceUndo.begin(undoContext(debt, { exchange }))).toMatchObject({
      begin: 'start',
      intent: { command: 'Restart-Service', server: 'mbx1', fence: { startedAt: found.startedAt } },
    });
  });
});
