import { describe, expect, test } from 'vitest';
import { dagGate } from '../../../src/guards/dag.ts';
import type { GuardContext } from '../../../src/guards/guard.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import {
  type AvailabilityGroup,
  type DatabaseCopy,
  ExchangeError,
  type MailboxServer,
} from '../../../src/ports/exchange.ts';
import { HOUR, NINE, reply } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const copy = (database: string, server: string, more: Partial<DatabaseCopy> = {}): DatabaseCopy => ({
  database,
  server,
  status: 'Healthy',
  copies: 2,
  copyQueueLength: 0,
  replayQueueLength: 0,
  activationSuspended: false,
  lagged: false,
  ...more,
});
const mounted = (database: string, server: string, more: Partial<DatabaseCopy> = {}) =>
  copy(database, server, { status: 'Mounted', ...more });

interface World {
  copies: DatabaseCopy[];
  settings?: Record<string, Partial<MailboxServer>>;
  groups?: AvailabilityGroup[];
  /** Taken out of service, and not answering. */
  offline?: string[];
  down?: string[];
  maintenance?: GuardContext['settings']['maintenance'];
  approvals?: Incident['approvals'];
}

const member = (server: string, up = true) => ({ server, site: 'Tokyo', up, suspended: false });
const dag1 = (...members: ReturnType<typeof member>[]): AvailabilityGroup => ({ name: 'dag1', members });
const THREE = dag1(member('mbx1'), member('mbx2'), member('mbx3'));
const quiet = (name: string): AvailabilityGroup => ({ name, members: ['x', 'y', 'z'].map((server) => member(server)) });

function judge(action: 'fail-over-databases' | 'restart-server' | 'restart-service', world: World, on = 'mbx1') {
  const { copies, settings = {}, groups = [THREE], offline = [], down = [], maintenance = [], approvals = [] } = world;
  return dagGate.judge(
    context({
      on,
      change: changeTo(action),
      incident: { approvals },
      settings: { maintenance },
      exchange: {
        copiesOn: async (server) => reply(copies.filter((one) => one.server === server)),
        copiesOf: async (database) => reply(copies.filter((one) => one.database === database)),
        mailboxServer: async (server) =>
          reply({ server, activationBlocked: false, autoActivationPolicy: 'Unrestricted', ...settings[server] }),
        componentStates: async (server) => {
          if (down.includes(server)) throw new ExchangeError('unreachable', 'away');
          const state = offline.includes(server) ? 'Inactive' : 'Active';
          return reply([{ component: 'ServerWideOffline', state, requesters: [] }]);
        },
        availabilityGroup: async (name) => reply(groups.find((group) => group.name === name) ?? quiet(name)),
      },
    }),
  );
}

const patching = (servers: string[]) => ({
  name: 'patching',
  servers,
  groups: [],
  starts: '2026-05-12T08:00:00',
  lasts: 2 * HOUR,
  timeZone: 'UTC',
});

const ALLOW = { answer: 'allow' };
const noHealthy = (...reasons: string[]) => ({
  answer: 'refuse',
  reason: 'no-healthy-copy',
  says: `DB01 has no healthy copy elsewhere that may become active${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
});

describe('before databases are moved: each has somewhere to go', () => {
  const here = mounted('DB01', 'mbx1');
  const receiver = (more: Partial<DatabaseCopy>) => [here, copy('DB01', 'mbx2', more)];
  const CASES: ({ says: string; is: object } & World)[] = [
    { says: 'a healthy copy elsewhere', copies: receiver({}), is: ALLOW },
    { says: 'no database at all', copies: [], is: ALLOW },
    { says: 'only passive copies here, whatever the other copies are like', copies: [copy('DB01', 'mbx1')], is: ALLOW },
    {
      says: 'the only copy',
      copies: [mounted('DB01', 'mbx1', { copies: 1 })],
      is: {
        answer: 'refuse',
        reason: 'only-copy',
        says: "DB01 has only this copy, on mbx1: it can't be moved, so the server is not restarted",
      },
    },
    ...(['Mounting', 'Dismounted', 'Dismounting'] as const).map((status) => ({
      says: `${status} is active too`,
      copies: [mounted('DB01', 'mbx1', { copies: 1, status })],
      is: { answer: 'refuse', reason: 'only-copy' },
    })),
    {
      says: 'a copy that has failed',
      copies: receiver({ status: 'Failed' }),
      is: noHealthy('mbx2: its copy is Failed'),
    },
    {
      says: 'a lagged copy',
      copies: receiver({ lagged: true }),
      is: noHealthy('mbx2: its copy is lagged on purpose'),
    },
    {
      says: 'a copy that may not be activated',
      copies: receiver({ activationSuspended: true }),
      is: noHealthy('mbx2: its copy is suspended for activation'),
    },
    {
      says: 'a queue at its limit',
      copies: receiver({ copyQueueLength: 100, replayQueueLength: 100 }),
      is: ALLOW,
    },
    {
      says: 'a copy queue that is too long',
      copies: receiver({ copyQueueLength: 101 }),
      is: noHealthy('mbx2: its copy queue is 101 long'),
    },
    {
      says: 'a replay queue that is too long',
      copies: receiver({ replayQueueLength: 101 }),
      is: noHealthy('mbx2: its replay queue is 101 long'),
    },
    {
      says: 'a receiver on which activation is blocked',
      copies: receiver({}),
      settings: { mbx2: { activationBlocked: true } },
      is: noHealthy('mbx2: activation is blocked there'),
    },
    {
      says: 'a receiver whose policy is Blocked',
      copies: receiver({}),
      settings: { mbx2: { autoActivationPolicy: 'Blocked' } },
      is: noHealthy('mbx2: its activation policy is Blocked'),
    },
    {
      says: 'a receiver of the same site that is IntrasiteOnly',
      copies: receiver({}),
      settings: { mbx2: { autoActivationPolicy: 'IntrasiteOnly' } },
      is: ALLOW,
    },
    {
      says: 'a receiver of another site that is IntrasiteOnly',
      copies: [here, copy('DB01', 'mbx4')],
      settings: { mbx4: { autoActivationPolicy: 'IntrasiteOnly' } },
      is: noHealthy('mbx4: it is in another site and its activation policy is IntrasiteOnly'),
    },
    {
      says: 'a receiver of another site without restrictions: a person is asked',
      copies: [here, copy('DB01', 'mbx4')],
      is: {
        answer: 'wait',
        approval: true,
        reason: 'other-site',
        says: 'Databases would move to another site (DB01 to mbx4), because Tokyo has no healthy copy of them',
      },
    },
    {
      says: 'a receiver of another site, after a person has approved it',
      copies: [here, copy('DB01', 'mbx4')],
      approvals: [{ by: 'yuki', at: NINE, reason: 'other-site' }],
      is: ALLOW,
    },
    {
      says: 'a receiver of another site beside one of this site',
      copies: [here, copy('DB01', 'mbx4'), copy('DB01', 'mbx2')],
      is: ALLOW,
    },
    {
      says: 'a receiver that is taken out of service',
      copies: receiver({}),
      offline: ['mbx2'],
      is: noHealthy('mbx2: its ServerWideOffline is Inactive'),
    },
    {
      says: 'a receiver whose components cannot be read',
      copies: receiver({}),
      down: ['mbx2'],
      is: noHealthy('mbx2: it does not answer'),
    },
    {
      says: 'a receiver under maintenance',
      copies: receiver({}),
      maintenance: [patching(['mbx2'])],
      is: noHealthy('mbx2: it is in maintenance (patching)'),
    },
    {
      says: 'a receiver at its maximum of active databases',
      copies: [...receiver({}), mounted('DB07', 'mbx2'), mounted('DB08', 'mbx2')],
      settings: { mbx2: { maximumActiveDatabases: 2 } },
      is: noHealthy('mbx2: it holds its maximum of 2 active databases'),
    },
    {
      says: 'a receiver with room for one more',
      copies: [...receiver({}), mounted('DB07', 'mbx2')],
      settings: { mbx2: { maximumActiveDatabases: 2 } },
      is: ALLOW,
    },
    {
      says: 'a receiver with room for one more, but two would come',
      copies: [...receiver({}), mounted('DB07', 'mbx2'), mounted('DB02', 'mbx1'), copy('DB02', 'mbx2')],
      settings: { mbx2: { maximumActiveDatabases: 2 } },
      is: { answer: 'refuse', reason: 'no-healthy-copy' },
    },
    {
      says: 'a bad copy on one server and a good one on another',
      copies: [...receiver({ status: 'Failed' }), copy('DB01', 'mbx3')],
      is: ALLOW,
    },
    {
      says: 'bad copies everywhere: each with its reason',
      copies: [...receiver({ status: 'Failed' }), copy('DB01', 'mbx3', { lagged: true })],
      is: noHealthy('mbx2: its copy is Failed', 'mbx3: its copy is lagged on purpose'),
    },
    {
      says: 'copies that Exchange counts but does not show',
      copies: [here],
      is: noHealthy(),
    },
    {
      says: 'one that can move and one that cannot',
      copies: [mounted('DB02', 'mbx1'), copy('DB02', 'mbx2'), ...receiver({ status: 'Seeding' })],
      is: noHealthy('mbx2: its copy is Seeding'),
    },
  ];
  test.each(CASES)('$says', async ({ is, ...organisation }) => {
    expect(await judge('fail-over-databases', organisation)).toMatchObject(is);
  });
});

describe('before a reboot: no database is active on the server', () => {
  test('passive copies only', async () => {
    expect(await judge('restart-server', { copies: [copy('DB01', 'mbx1')] })).toEqual(ALLOW);
  });

  test.each(['Mounted', 'Mounting', 'Dismounted', 'Dismounting'])(
    'a copy that is %s, with the reason',
    async (status) => {
      const copies = [mounted('DB01', 'mbx1', { status, error: 'no log' }), mounted('DB02', 'mbx1', { copies: 1 })];
      expect(await judge('restart-server', { copies })).toEqual({
        answer: 'refuse',
        reason: 'active-copies',
        says: `DB01 (${status}: no log), DB02 (Mounted: it has this copy only) on mbx1: a server with active copies is not restarted`,
      });
    },
  );

  test('a client access server has no copies, and is not asked', async () => {
    expect(await judge('restart-server', { copies: [mounted('DB01', 'cas1')] }, 'cas1')).toEqual(ALLOW);
  });
});

describe('the group keeps its quorum without the server', () => {
  const witness = (up = true, server = 'cas1') => ({ server, up });
  const two = dag1(member('mbx1'), member('mbx2'));
  const four = dag1(member('mbx1'), member('mbx2'), member('mbx3'), member('mbx4'));
  const lost = (left: number, votes: number, server = 'mbx1') => ({
    answer: 'refuse',
    reason: 'quorum',
    says: `Without ${server}, dag1 would keep ${left} of ${votes} votes and lose its quorum`,
  });
  const QUORUMS: { says: string; group: AvailabilityGroup; on?: string; is: object }[] = [
    { says: 'three members: two of three stay', group: THREE, is: ALLOW },
    {
      says: 'three members, one of them down: one of three stays',
      group: dag1(member('mbx1'), member('mbx2'), member('mbx3', false)),
      is: lost(1, 3),
    },
    {
      says: 'three members: the witness has no vote',
      group: { ...dag1(member('mbx1'), member('mbx2'), member('mbx3', false)), witness: witness() },
      is: lost(1, 3),
    },
    { says: 'two members and the witness: two of three stay', group: { ...two, witness: witness() }, is: ALLOW },
    { says: 'two members and a witness that is down', group: { ...two, witness: witness(false) }, is: lost(1, 3) },
    { says: 'two members and no witness', group: two, is: lost(1, 2) },
    { says: 'four members and the witness', group: { ...four, witness: witness() }, is: ALLOW },
    { says: 'four members, the witness down: three of five', group: { ...four, witness: witness(false) }, is: ALLOW },
    {
      says: 'four members, one of them and the witness down: two of five',
      group: {
        ...dag1(member('mbx1'), member('mbx2'), member('mbx3'), member('mbx4', false)),
        witness: witness(false),
      },
      is: lost(2, 5),
    },
    {
      says: 'the server itself is already down: its vote is not counted twice',
      group: dag1(member('mbx1', false), member('mbx2'), member('mbx3')),
      is: ALLOW,
    },
    {
      says: 'a server that hosts the witness: two members stay of three votes',
      group: { ...two, witness: witness() },
      on: 'cas1',
      is: ALLOW,
    },
    {
      says: 'a server that hosts the witness, and a member is down: one of three stays',
      group: { ...dag1(member('mbx1'), member('mbx2', false)), witness: witness() },
      on: 'cas1',
      is: lost(1, 3, 'cas1'),
    },
    {
      says: 'a server that hosts the witness of a group of three: it has no vote to lose',
      group: { ...THREE, witness: witness() },
      on: 'cas1',
      is: ALLOW,
    },
    { says: 'a server that is not part of a group without quorum', group: two, on: 'cas1', is: ALLOW },
  ];
  test.each(QUORUMS)('$says', async ({ group, on, is }) => {
    expect(await judge('restart-server', { copies: [], groups: [group] }, on)).toEqual(is);
  });

  test('the quorum is also checked before databases are moved', async () => {
    expect(await judge('fail-over-databases', { copies: [], groups: [two] })).toEqual(lost(1, 2));
  });
});

test('restarting a service does not depend on databases, and nothing is read', async () => {
  expect(await dagGate.judge(context({ change: changeTo('restart-service') }))).toEqual(ALLOW);
});
