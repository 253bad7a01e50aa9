import { factsOf } from './port/cmdlets.ts';
import { copyRows, memberUp } from './world/databases.ts';
import { seenBy } from './world/health.ts';
import type { LabSettings } from './world/organisation.ts';
import type { Trouble, World } from './world/world.ts';

/** Times are ISO 8601 in the organisation's time. */
export interface OrganisationView {
  id: string;
  name: string;
  now: string;
  servers: {
    name: string;
    fqdn: string;
    site: string;
    version: string;
    roles: string[];
    dag?: string;
    group?: string;
    /** `down`, `remoting` and `services` are the stages of a boot. */
    state: 'up' | 'down' | 'remoting' | 'services';
    bootedAt: string;
    services: { name: string; status: string; startType: string; startedAt?: string }[];
    settings: {
      activationBlocked: boolean;
      autoActivationPolicy: string;
      maximumActiveDatabases?: number;
      protocolLog: { imap: boolean; pop: boolean };
    };
    inactiveComponents: { component: string; requester: string; state: 'Inactive' | 'Draining' }[];
  }[];
  groups: { name: string; members: { server: string; up: boolean }[]; witness?: string }[];
  databases: {
    name: string;
    activeOn: string;
    copies: { server: string; status: string; lagged: boolean; activationSuspended: boolean; error?: string }[];
  }[];
  settings: LabSettings;
}

export interface FaultView {
  id: string;
  fault: string;
  server?: string;
  state: 'present' | 'cured' | 'used up';
  postedAt: string;
  endedAt?: string;
  timesLeft?: number;
  /** The posted options. */
  body: Record<string, unknown>;
  /** The monitors that show it now. */
  shows: { server: string; monitor: string }[];
}

const iso = (at: number) => new Date(at).toISOString();

export function viewOrganisation(world: World, id: string, now: number): OrganisationView {
  return {
    id,
    name: world.name,
    now: iso(now),
    servers: Object.values(world.servers).map((server) => {
      const { server: name, organisation: _, ...facts } = factsOf(server, id);
      return {
        name,
        ...facts,
        state: server.boot?.stage ?? 'up',
        bootedAt: iso(server.bootedAt),
        services: Object.values(server.services).map(({ name: service, status, startType, startedAt }) => ({
          name: service,
          status,
          startType,
          ...(startedAt === undefined ? {} : { startedAt: iso(startedAt) }),
        })),
        settings: {
          activationBlocked: server.activationBlocked,
          autoActivationPolicy: server.autoActivationPolicy,
          ...(server.maximumActiveDatabases === undefined
            ? {}
            : { maximumActiveDatabases: server.maximumActiveDatabases }),
          protocolLog: server.protocolLog,
        },
        inactiveComponents: server.inactive.map(({ component, requester, draining }) => ({
          component,
          requester,
          state: draining ? 'Draining' : 'Inactive',
        })),
      };
    }),
    groups: Object.entries(world.groups).map(([name, { members, witness }]) => ({
      name,
      members: members.map((server) => ({ server, up: memberUp(world, name, server) })),
      ...(witness ? { witness } : {}),
    })),
    databases: Object.entries(world.databases).map(([name, database]) => ({
      name,
      activeOn: database.activeOn,
      copies: copyRows(world, { database: name }).map(({ server, status, lagged, activationSuspended, error }) => ({
        server,
        status,
        lagged,
        activationSuspended,
        ...(error ? { error } : {}),
      })),
    })),
    settings: world.settings,
  };
}

export function viewFault(world: World, trouble: Trouble): FaultView {
  const { id, kind, server, state, postedAt, endedAt, timesLeft, body } = trouble;
  const shows = Object.entries(world.causes).flatMap(([where, causes]) =>
    causes
      .filter((cause) => cause.trouble === id)
      .flatMap((cause) =>
        (where === '*' ? Object.values(world.servers) : [world.servers[where]!]).flatMap((each) =>
          seenBy(world, each, cause).map((watch) => ({
            server: each.name,
            monitor: [watch.healthSet, watch.name, watch.targetResource].filter(Boolean).join('\\'),
          })),
        ),
      ),
  );
  return {
    id,
    fault: kind,
    ...(server ? { server } : {}),
    state,
    postedAt: iso(postedAt),
    ...(endedAt === undefined ? {} : { endedAt: iso(endedAt) }),
    ...(timesLeft === undefined ? {} : { timesLeft }),
    body,
    shows,
  };
}
