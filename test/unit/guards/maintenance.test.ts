import { describe, expect, test } from 'vitest';
import { openWindow, startAfter, type Window } from '../../../src/config/windows.ts';
import { maintenance } from '../../../src/guards/maintenance.ts';
import type { Action } from '../../../src/incident/planned-change.ts';
import type { ComponentState } from '../../../src/ports/exchange.ts';
import { alertOf, HOUR, MINUTE, NINE, reply, row } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const window = (more: Partial<Window>): Window => ({
  name: 'patch Tuesday',
  servers: [],
  groups: [],
  starts: '0 22 * * TUE#2',
  lasts: 4 * HOUR,
  timeZone: 'UTC',
  ...more,
});
const at = (text: string) => Date.parse(text);

describe('a window', () => {
  const CASES: { says: string; window: Partial<Window>; now: string; until?: string }[] = [
    { says: 'before it begins', window: {}, now: '2026-05-12T21:59:59Z' },
    { says: 'as it begins', window: {}, now: '2026-05-12T22:00:00Z', until: '2026-05-13T02:00:00Z' },
    { says: 'after midnight', window: {}, now: '2026-05-13T01:59:59Z', until: '2026-05-13T02:00:00Z' },
    { says: 'as it ends', window: {}, now: '2026-05-13T02:00:00Z' },
    { says: 'on the first Tuesday', window: {}, now: '2026-05-05T23:00:00Z' },
    {
      says: 'in the time zone of Tokyo',
      window: { timeZone: 'Asia/Tokyo' },
      now: '2026-05-12T13:00:00Z',
      until: '2026-05-12T17:00:00Z',
    },
    {
      says: 'in summer, in the time zone of Berlin',
      window: { timeZone: 'Europe/Berlin' },
      now: '2026-05-12T20:00:00Z',
      until: '2026-05-13T00:00:00Z',
    },
    { says: 'in winter, an hour later', window: { timeZone: 'Europe/Berlin' }, now: '2026-11-10T20:30:00Z' },
    {
      says: 'the night when clocks go forward: its length is the same',
      window: { starts: '0 1 * * *', lasts: 2 * HOUR, timeZone: 'Europe/Berlin' },
      now: '2026-03-29T01:59:00Z',
      until: '2026-03-29T02:00:00Z',
    },
    {
      says: 'one that begins in the hour that clocks skip: it begins after it',
      window: { starts: '30 2 * * *', lasts: HOUR, timeZone: 'Europe/Berlin' },
      now: '2026-03-29T01:30:00Z',
      until: '2026-03-29T02:00:00Z',
    },
    {
      says: 'a single time',
      window: { starts: '2026-05-12T08:00', lasts: 2 * HOUR },
      now: '2026-05-12T09:00:00Z',
      until: '2026-05-12T10:00:00Z',
    },
    { says: 'a single time, over', window: { starts: '2026-05-12T08:00', lasts: HOUR }, now: '2026-05-12T09:00:00Z' },
    {
      says: 'one that is longer than the interval of its starts never ends',
      window: { starts: '0 * * * *', lasts: 90 * MINUTE },
      now: '2026-05-12T09:10:00Z',
      until: '2026-05-12T09:30:00Z',
    },
  ];
  test.each(CASES)('$says', ({ window: more, now, until }) => {
    const open = openWindow([window(more)], { server: 'mbx1' }, at(now));
    expect(open && new Date(open.until).toISOString()).toBe(until && new Date(until).toISOString());
  });

  const PLACES: [string, Partial<Window>, boolean][] = [
    ['neither servers nor groups: everything', {}, true],
    ['this server', { servers: ['mbx1'] }, true],
    ['this server, by its full name', { servers: ['MBX1.contoso.com'] }, true],
    ['another server', { servers: ['mbx2'] }, false],
    ['its group, in any case', { groups: ['DAG1'] }, true],
    ['another group', { groups: ['dag2'] }, false],
    ['another server, and its group', { servers: ['mbx9'], groups: ['dag1'] }, true],
  ];
  test.each(PLACES)('%s', (_says, more, applies) => {
    const open = openWindow([window({ starts: '* * * * *', ...more })], { server: 'mbx1', group: 'dag1' }, NINE);
    expect(open !== undefined).toBe(applies);
  });

  test.each(['', 'soon', '61 * * * *', '2026-13-40T08:00'])('%j is no start', (starts) => {
    expect(() => startAfter({ starts, timeZone: 'UTC' }, 0)).toThrow();
  });
});

describe('someone is working on the server', () => {
  const off = (component: string, state: ComponentState['state'] = 'Inactive', requester = 'Maintenance') => [
    { component, state, requesters: [{ requester, state: 'Inactive' as const }] },
  ];
  const inMaintenance = (...said: (boolean | undefined)[]) =>
    said.map((one) => alertOf(one === undefined ? {} : { inMaintenance: one }));

  const CASES: {
    says: string;
    states?: ComponentState[];
    alerts?: ReturnType<typeof inMaintenance>;
    windows?: Window[];
    suspended?: boolean;
    on?: string;
    is: object;
  }[] = [
    { says: 'nobody', is: { answer: 'allow' } },
    {
      says: 'a maintenance window',
      windows: [window({ starts: '2026-05-12T08:00', lasts: 2 * HOUR })],
      is: {
        answer: 'wait',
        reason: 'window',
        says: 'mbx1 is in maintenance (patch Tuesday) until 2026-05-12T10:00:00.000Z',
      },
    },
    {
      says: 'the sender reports it',
      alerts: inMaintenance(undefined, true),
      is: { answer: 'wait', reason: 'sender', says: 'mbx1 is in maintenance mode in the monitoring system' },
    },
    {
      says: 'the sender reported it, and then its end',
      alerts: inMaintenance(true, false),
      is: { answer: 'allow' },
    },
    { says: 'a later alert does not mention it', alerts: inMaintenance(true, undefined), is: { reason: 'sender' } },
    {
      says: 'the sender reports it for the incident’s server, and another one is changed',
      alerts: inMaintenance(true),
      on: 'mbx2',
      is: { answer: 'allow' },
    },
    {
      says: 'the whole server is offline',
      states: off('ServerWideOffline'),
      is: {
        answer: 'wait',
        reason: 'component',
        says: 'ServerWideOffline is Inactive on mbx1, requested by Maintenance: someone is working on it',
      },
    },
    { says: 'Managed Availability does not monitor', states: off('Monitoring'), is: { reason: 'component' } },
    {
      says: 'Managed Availability does not recover',
      states: off('RecoveryActionsEnabled'),
      is: { reason: 'component' },
    },
    { says: 'a component is draining', states: off('ServerWideOffline', 'Draining'), is: { reason: 'component' } },
    {
      says: 'an unknown state without a requester',
      states: [{ component: 'Monitoring', state: 'Unknown', requesters: [] }],
      is: { answer: 'allow' },
    },
    {
      says: 'a state that is not known yet, although someone requested Inactive',
      states: off('Monitoring', 'Unknown'),
      is: { answer: 'wait', reason: 'component' },
    },
    {
      says: 'the cluster node is suspended',
      suspended: true,
      is: {
        answer: 'wait',
        reason: 'node-suspended',
        says: 'The cluster node mbx1 of dag1 is suspended: someone is working on it',
      },
    },
  ];
  test.each(CASES)('$says', async ({ states = [], alerts = [], windows = [], suspended = false, on = 'mbx1', is }) => {
    const members = ['mbx1', 'mbx2'].map((server) => ({
      server,
      site: 'Tokyo',
      up: true,
      suspended: suspended && server === 'mbx1',
    }));
    const answer = await maintenance.judge(
      context({
        on,
        incident: { alerts },
        settings: { maintenance: windows },
        exchange: {
          componentStates: async () => reply(states),
          serverHealth: async () => reply([]),
          availabilityGroup: async (name) => reply({ name, members }),
        },
      }),
    );
    expect(answer).toMatchObject(is);
  });
});

/** The requests; the strictest is in effect. */
const asked = (component: string, ...requesters: [string, 'Active' | 'Inactive' | 'Draining'][]): ComponentState => {
  const states = requesters.map(([, state]) => state);
  return {
    component,
    state: states.includes('Inactive') ? 'Inactive' : states.includes('Draining') ? 'Draining' : 'Active',
    requesters: requesters.map(([requester, state]) => ({ requester, state })),
  };
};

describe('a component that the run treats is out of service', () => {
  const IMAP = [{ healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' }];
  const refused = (says: string) => ({
    answer: 'refuse',
    reason: 'out-of-service',
    says: expect.stringContaining(says),
  });
  const BY_MAINTENANCE = [asked('ImapProxy', ['Maintenance', 'Inactive'])];
  const CASES: {
    says: string;
    states: Record<string, ComponentState[]>;
    handles?: { healthSet: string; monitor: string }[];
    rows?: [healthSet: string, component: string, targetResource?: string][];
    action?: Action;
    resource?: string;
    incidentOn?: string;
    is: object;
  }[] = [
    ...(['restart-service', 'fail-over-databases', 'restart-server', 'setting'] as const).map((action) => ({
      says: `by an administrator: no ${action}`,
      states: { mbx1: BY_MAINTENANCE },
      action,
      is: refused('ImapProxy is Inactive on mbx1, requested by Maintenance'),
    })),
    ...['Functional', 'Sidelined', 'Deployment', 'SomethingNew', 'Unknown'].map((requester) => ({
      says: `requested by ${requester}`,
      states: { mbx1: [asked('ImapProxy', [requester, 'Inactive'])] },
      is: refused(`requested by ${requester}`),
    })),
    {
      says: 'draining',
      states: { mbx1: [asked('ImapProxy', ['Maintenance', 'Draining'])] },
      is: refused('ImapProxy is Draining on mbx1'),
    },
    {
      says: 'by Managed Availability and by an administrator',
      states: { mbx1: [asked('ImapProxy', ['HealthAPI', 'Inactive'], ['Maintenance', 'Inactive'])] },
      is: refused('requested by HealthAPI, Maintenance'),
    },
    {
      says: 'by an unknown requester',
      states: { mbx1: [{ component: 'ImapProxy', state: 'Inactive', requesters: [] }] },
      is: refused('requested by an unknown requester'),
    },
    {
      says: 'by an administrator, and the effective state does not show it yet',
      states: { mbx1: [{ ...asked('ImapProxy', ['Maintenance', 'Inactive']), state: 'Active' }] },
      is: refused('requested by Maintenance'),
    },
    ...['HealthAPI', 'HealthApi', 'healthapi'].map((requester) => ({
      says: `by Managed Availability itself, which writes ${requester}`,
      states: { mbx1: [asked('ImapProxy', [requester, 'Inactive'])] },
      is: { answer: 'allow' },
    })),
    {
      says: 'by Managed Availability, although an administrator requested Active',
      states: { mbx1: [asked('ImapProxy', ['HealthAPI', 'Inactive'], ['Maintenance', 'Active'])] },
      is: { answer: 'allow' },
    },
    {
      says: 'a component that is not involved',
      states: { mbx1: [asked('OwaProxy', ['Maintenance', 'Inactive']), asked('PopProxy', ['Sidelined', 'Inactive'])] },
      rows: [
        ['OWA.Proxy', 'OwaProxy'],
        ['IMAP.Proxy', 'ImapProxy'],
      ],
      is: { answer: 'allow' },
    },
    {
      says: 'of another family, named in its rows in another case',
      states: { mbx1: [asked('RPCPROXY', ['Maintenance', 'Inactive'])] },
      handles: [{ healthSet: 'Outlook.Proxy', monitor: 'OutlookProxyTestMonitor' }],
      rows: [['outlook.proxy', 'RpcProxy']],
      is: refused('RPCPROXY is Inactive'),
    },
    {
      says: 'of a family of one health set',
      states: { mbx1: [asked('HubTransport', ['Maintenance', 'Draining'])] },
      handles: [{ healthSet: 'HubTransport', monitor: 'HubAvailabilityMonitor' }],
      is: refused('HubTransport is Draining'),
    },
    {
      says: 'of the service to restart, whatever the health set',
      states: { mbx1: [asked('PopProxy', ['Maintenance', 'Inactive'])] },
      resource: 'msexchangepop3',
      is: refused('PopProxy is Inactive'),
    },
    {
      says: 'of the service to restart, according to its row',
      states: { mbx1: [asked('MapiProxy', ['Maintenance', 'Inactive'])] },
      rows: [['Outlook.Mapi', 'MapiProxy', 'SomeService']],
      resource: 'SOMESERVICE',
      is: refused('MapiProxy is Inactive'),
    },
    {
      says: 'on the server that the incident is about, if another one is changed',
      states: { cas1: BY_MAINTENANCE },
      incidentOn: 'cas1',
      is: refused('ImapProxy is Inactive on cas1'),
    },
    { says: 'on a server that is not changed', states: { mbx2: BY_MAINTENANCE }, is: { answer: 'allow' } },
  ];
  test.each(CASES)(
    '$says',
    async ({ states, handles = IMAP, rows = [], action = 'restart-service', resource, incidentOn = 'mbx1', is }) => {
      const answer = await maintenance.judge(
        context({
          incident: { server: incidentOn },
          run: { handles },
          change: changeTo(action, {}, resource),
          exchange: {
            componentStates: async (server) => reply(states[server] ?? []),
            serverHealth: async () =>
              reply(
                rows.map(([healthSet, component, targetResource = '']) =>
                  row(healthSet, 'M', { component, targetResource }),
                ),
              ),
            availabilityGroup: async (name) => reply({ name, members: [] }),
          },
        }),
      );
      expect(answer).toMatchObject(is);
    },
  );

  test('the whole server out of service leads to a wait, even though its components are Inactive too', async () => {
    const states = [
      asked('ServerWideOffline', ['Maintenance', 'Inactive']),
      asked('ImapProxy', ['Unknown', 'Inactive']),
    ];
    const answer = await maintenance.judge(
      context({
        run: { handles: IMAP },
        exchange: { componentStates: async () => reply(states), serverHealth: async () => reply([]) },
      }),
    );
    expect(answer).toMatchObject({ answer: 'wait', reason: 'component' });
  });
});
