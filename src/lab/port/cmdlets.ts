import { shortName } from '../../incident/alert.ts';
import type { ServerFacts } from '../../incident/health.ts';
import { sameName } from '../../incident/names.ts';
import {
  type Change,
  type ComponentState,
  type Exchange,
  ExchangeError,
  type HealthRow,
  type Protocol,
  type Reply,
  type ScriptOrder,
  type ScriptState,
  type ServiceState,
} from '../../ports/exchange.ts';
import { scriptSucceeded } from '../behaviour/cures.ts';
import { drain, reboot, restart } from '../behaviour/machines.ts';
import { copyRows, memberUp, nodeUp, witnessUp } from '../world/databases.ts';
import { readRow, reassess, runProbe, type Watch, watchesOf } from '../world/health.ts';
import type { ScriptRun, Server, Service, Trouble, World } from '../world/world.ts';
import { type Command, type Connection, type Done, type LabState, unreachable } from './connection.ts';

/** Maximum real time of an on-demand probe, even if the organisation's time is slow. */
const PROBE_AT_MOST_REAL_MS = 150;

const LOGGING = 'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging';
const PROTOCOLS = {
  imap: { get: 'Get-ImapSettings', set: 'Set-ImapSettings', folder: 'Imap4' },
  pop: { get: 'Get-PopSettings', set: 'Set-PopSettings', folder: 'Pop3' },
} as const;

const COMPONENTS = ['ServerWideOffline', 'HubTransport', 'Monitoring', 'RecoveryActionsEnabled'];
const PROXY_COMPONENTS = [
  'FrontendTransport',
  'AutoDiscoverProxy',
  'ActiveSyncProxy',
  'EcpProxy',
  'EwsProxy',
  'ImapProxy',
  'OabProxy',
  'OwaProxy',
  'PopProxy',
  'RpsProxy',
  'RpcProxy',
];

/** The port, with the separate parts that PowerShell on the lab (ExchangeLab.psm1) requests. */
export interface LabExchange extends Exchange {
  /** The part of `activity` that comes from processes and the registry. */
  processes: Exchange['activity'];
}

/** The Exchange port of the simulated organisation. `caller` is logged as the caller of read commands. */
export function createCmdlets(
  state: LabState,
  connection: Connection,
  caller: string,
  organisationId: () => string,
): LabExchange {
  const known = (name: string): Server => {
    const { servers } = state.world();
    const short = shortName(name);
    const server = Object.hasOwn(servers, short) ? servers[short] : undefined;
    if (server) return server;
    throw new ExchangeError('notFound', `The server "${name}" was not found in the organisation.`);
  };
  const named = (command: string, server: string, given: Record<string, unknown>): Command => ({
    command,
    server,
    arguments: given,
    caller,
    channel: 'exchange',
  });
  const windows = (command: string, server: string, given: Record<string, unknown>): Command => ({
    ...named(command, server, given),
    channel: 'windows',
  });

  const exchange: LabExchange = {
    async organisation(options) {
      return connection.read(named('Get-ExchangeServer', '', {}), options, (world) =>
        reply({ id: organisationId(), servers: Object.values(world.servers).map((s) => factsOf(s, organisationId())) }),
      );
    },

    async serverHealth(name, options) {
      const { name: server } = known(name);
      const command = named('Get-ServerHealth', server, { Identity: server });
      return connection.read(command, options, (world) => {
        const here = world.servers[server]!;
        // The health manager is a service that starts minutes after the boot.
        if (!nodeUp(here)) throw unreachable(here);
        const stale = connection.disturbed('stale-rows', command, () => true);
        const now = state.clock.now();
        return reply(watchesOf(here, world.settings).map((watch) => healthRow(world, here, watch, now, stale)));
      });
    },

    async invokeProbe(name, identity, options) {
      const { name: server } = known(name);
      const command = named('Invoke-MonitoringProbe', server, { Identity: identity, Server: server });
      return connection.read(command, options, async (world) => {
        const here = world.servers[server]!;
        if (here.boot?.stage === 'down') throw unreachable(here);
        if (!nodeUp(here)) return nothing(`The RPC server on ${here.fqdn} is unavailable.`);
        const watch = findProbe(world, here, identity);
        const withheld = connection.disturbed('no-object', command, ({ probe }) => isProbe(probe, identity));
        if (withheld || !watch) {
          const usual = `The monitoring item ${identity} is not known on ${here.fqdn}, or cannot be invoked on demand.`;
          return nothing(...((withheld?.body.says as string[] | undefined) ?? [usual]));
        }
        const startedAt = state.clock.now();
        await state.clock.wait(world.settings['on-demand-probe'], PROBE_AT_MOST_REAL_MS);
        const then = state.world();
        const answer = here.boot
          ? { resultType: 'Failed' as const, error: 'The server is still starting', exception: '' }
          : runProbe(then, here, watch);
        return reply({ ...answer, startedAt, endedAt: state.clock.now() });
      });
    },

    async service(name, service, options) {
      const { name: server } = known(name);
      return connection.read(windows('Get-Service', server, { Name: service }), options, (world) =>
        reply(serviceState(findService(world.servers[server]!, service))),
      );
    },

    async services(name, options) {
      const { name: server } = known(name);
      return connection.read(windows('Get-Service', server, { Name: 'MSExchange*' }), options, (world) =>
        reply(Object.values(world.servers[server]!.services).map(serviceState)),
      );
    },

    async restartService(name, service, fence, change, options) {
      const { name: server } = known(name);
      const command = signed(windows('Restart-Service', server, { Name: service }), change);
      const act = (world: World): Done => {
        const here = world.servers[server]!;
        return restartOne(world, here, findService(here, service), fence.startedAt, state.clock.now(), () =>
          connection.disturbed('stop-hangs', command, (body) => sameName(String(body.service), service)),
        );
      };
      // A restart in progress that another process, now dead, requested.
      const settles = (world: World) => world.servers[server]!.services[service.toLowerCase()]?.runsAgainAt;
      return connection.change(command, service, change, options, act, settles);
    },

    async copiesOn(name, options) {
      const { name: server } = known(name);
      return connection.read(named('Get-MailboxDatabaseCopyStatus', server, { Server: server }), options, (world) =>
        reply(copyRows(world, { server })),
      );
    },

    async copiesOf(database, options) {
      const command = named('Get-MailboxDatabaseCopyStatus', '', { Identity: database });
      return connection.read(command, options, (world) => {
        const name = Object.keys(world.databases).find((each) => sameName(each, database));
        if (!name) throw new ExchangeError('notFound', `The database "${database}" was not found.`);
        return reply(copyRows(world, { database: name }));
      });
    },

    async mailboxServer(name, options) {
      const { name: server } = known(name);
      return connection.read(named('Get-MailboxServer', server, { Identity: server }), options, (world) => {
        const here = mailboxRole(world.servers[server]!);
        return reply({
          server,
          activationBlocked: here.activationBlocked,
          autoActivationPolicy: here.autoActivationPolicy,
          ...(here.maximumActiveDatabases === undefined ? {} : { maximumActiveDatabases: here.maximumActiveDatabases }),
        });
      });
    },

    async availabilityGroup(name, options) {
      const command = named('Get-DatabaseAvailabilityGroup', '', { Identity: name, Status: true });
      return connection.read(command, options, (world) => {
        const key = Object.keys(world.groups).find((each) => sameName(each, name));
        if (!key) throw new ExchangeError('notFound', `The database availability group "${name}" was not found.`);
        const { members, witness } = world.groups[key]!;
        return reply({
          name: key,
          members: members.map((server) => {
            const { site } = world.servers[server]!;
            const suspended = present(world, 'node-suspended', server).length > 0;
            return { server, site, up: memberUp(world, key, server), suspended };
          }),
          ...(witness ? { witness: { server: witness, up: witnessUp(world, key) } } : {}),
        });
      });
    },

    async setActivationBlocked(name, blocked, fence, change, options) {
      const { name: server } = known(name);
      const given = { Identity: server, DatabaseCopyActivationDisabledAndMoveNow: blocked };
      const command = signed(named('Set-MailboxServer', server, given), change);
      return connection.change(command, 'activation', change, options, (world) => {
        const here = mailboxRole(world.servers[server]!);
        const compared = compare(here.activationBlocked, fence.activationBlocked, blocked);
        if (compared) return compared;
        here.activationBlocked = blocked;
        // Lifting the block moves nothing back.
        if (blocked) drain(world, here, state.clock.now());
        return { effect: 'changed' };
      });
    },

    async protocolLog(name, protocol, options) {
      const { name: server } = known(name);
      const { get, folder } = PROTOCOLS[protocol];
      return connection.read(named(get, server, { Server: server }), options, (world) => {
        const { protocolLog, protocolLogFolder } = world.servers[server]!;
        const location = protocolLogFolder?.[protocol] ?? `${LOGGING}\\${folder}`;
        return reply({ enabled: protocolLog[protocol], location });
      });
    },

    async setProtocolLog(name, protocol: Protocol, enabled, fence, change, options) {
      const { name: server } = known(name);
      const given = { Server: server, ProtocolLogEnabled: enabled };
      const command = signed(named(PROTOCOLS[protocol].set, server, given), change);
      return connection.change(command, `${protocol}-log`, change, options, (world) => {
        const { protocolLog } = world.servers[server]!;
        const compared = compare(protocolLog[protocol], fence.enabled, enabled);
        if (compared) return compared;
        protocolLog[protocol] = enabled;
        return { effect: 'changed' };
      });
    },

    async componentStates(name, options) {
      const { name: server } = known(name);
      return connection.read(named('Get-ServerComponentState', server, { Identity: server }), options, (world) => {
        const here = world.servers[server]!;
        if (here.boot?.stage === 'down') throw unreachable(here);
        return reply(componentsOf(here));
      });
    },

    async recoveryActions(name, since, options) {
      const { name: server } = known(name);
      const given = { ComputerName: server, LogName: 'Microsoft-Exchange-ManagedAvailability/RecoveryActionResults' };
      return connection.read(windows('Get-WinEvent', server, given), options, (world) =>
        reply(
          world.servers[server]!.recoveryActions.filter(
            (action) => action.state === 'started' || (action.endedAt ?? action.startedAt) >= since,
          ).map(({ trouble: _, ...action }) => action),
        ),
      );
    },

    async activity(name, options) {
      const { name: server } = known(name);
      const found = await exchange.processes(server, options);
      if (!state.world().servers[server]!.roles.includes('mailbox')) return found;
      // No process shows that copies are being seeded; their states do.
      const { value: copies } = await exchange.copiesOn(server, options);
      const seeded = copies.some(({ status }) => status === 'Seeding');
      const seeding = { kind: 'seeding', says: 'a database copy is in the state Seeding' } as const;
      return seeded ? reply([...found.value, seeding]) : found;
    },

    async processes(name, options) {
      const { name: server } = known(name);
      return connection.read(windows('Get-Process', server, { ComputerName: server }), options, (world) =>
        reply(
          present(world, 'busy', server).flatMap(({ body }) => {
            const kind = body.with as keyof typeof PROCESSES | 'seeding';
            // Text of a recording, if there is one.
            const says = typeof body.says === 'string' ? body.says : undefined;
            return kind === 'seeding' ? [] : [{ kind, says: says ?? PROCESSES[kind] }];
          }),
        ),
      );
    },

    async bootTime(name, options) {
      const { name: server } = known(name);
      const given = { ComputerName: server, ClassName: 'Win32_OperatingSystem' };
      return connection.read(windows('Get-CimInstance', server, given), options, (world) => {
        const { bootedAt } = world.servers[server]!;
        return reply({ bootedAt, uptimeSeconds: Math.floor((state.clock.now() - bootedAt) / 1_000) });
      });
    },

    async restartServer(name, fence, change, options) {
      const { name: server } = known(name);
      const command = signed(windows('Restart-Computer', server, { ComputerName: server }), change);
      return connection.change(command, 'boot', change, options, (world) => {
        const here = world.servers[server]!;
        if (here.bootedAt > fence.bootedAt) {
          return { effect: 'already', says: 'It has booted since it was last read.' };
        }
        if (here.bootedAt < fence.bootedAt) {
          throw new ExchangeError('refused', 'The boot time in the fence is later than the last boot.');
        }
        const never = connection.disturbed('never-returns', command, () => true) !== undefined;
        reboot(world, here, state.clock.now(), never);
        return { effect: 'changed' };
      });
    },

    async script(name, file, run, options) {
      const { name: server } = known(name);
      return connection.read(windows('Get-TargetScript', server, { Name: file.name, Run: run }), options, (world) =>
        reply(scriptState(world, world.servers[server]!, file.name, run, state.clock.now())),
      );
    },

    async runScript(name, order, { run }, change, options) {
      const { name: server } = known(name);
      const given = { Name: order.name, Parameters: order.parameters };
      const command = signed(windows('Invoke-TargetScript', server, given), change);
      return connection.change(command, `script ${order.name}`, change, options, (world) =>
        runOne(world, world.servers[server]!, order, run, state.clock.now(), (does) =>
          connection.disturbed('script', command, (body) => isScript(body, order.name) && body.does === does),
        ),
      );
    },
  };
  return exchange;
}

/** The activities found in the processes and the registry of a busy server. */
const PROCESSES = {
  setup: 'ExSetupUI.exe runs',
  servicing: 'TiWorker.exe runs',
  backup: 'the Windows Server Backup engine is running',
  'pending-update': 'Windows Update is waiting for a restart',
} as const;

/** Present troubles of one kind on a server. */
function present(world: World, kind: string, server: string): Trouble[] {
  return Object.values(world.troubles).filter(
    (trouble) => trouble.kind === kind && trouble.server === server && trouble.state === 'present',
  );
}

function reply<T>(value: T): Reply<T> {
  return { value, warnings: [] };
}

function nothing(...warnings: string[]): Reply<undefined> {
  return { value: undefined, warnings };
}

function signed(command: Command, change: Change): Command {
  return { ...command, caller: change.caller };
}

function mailboxRole(server: Server): Server {
  if (server.roles.includes('mailbox')) return server;
  throw new ExchangeError('notFound', `"${server.name}" is not a Mailbox server.`);
}

export function factsOf(server: Server, organisation: string): ServerFacts {
  const group =
    server.group ?? server.dag ?? (server.roles.includes('client-access') ? `cas:${server.site}` : undefined);
  return {
    server: server.name,
    fqdn: server.fqdn,
    roles: [...server.roles],
    version: server.version,
    site: server.site,
    ...(server.dag ? { dag: server.dag } : {}),
    ...(group ? { group } : {}),
    organisation,
  };
}

function healthRow(world: World, server: Server, watch: Watch, now: number, stale: Trouble | undefined): HealthRow {
  const row: HealthRow = {
    healthSet: watch.healthSet,
    name: watch.name,
    targetResource: watch.targetResource,
    component: watch.component,
    ...(watch.recurrenceSeconds !== undefined && { recurrenceSeconds: watch.recurrenceSeconds }),
    timeoutSeconds: watch.timeoutSeconds,
    isStale: server.rows[watch.key]?.holds === 'stale',
    ...readRow(world, server, watch, now),
  };
  const wanted = stale?.body.healthSet;
  if (!stale || (wanted !== undefined && !sameName(String(wanted), watch.healthSet))) return row;
  // The monitor has not evaluated for longer than recurrence, time-out and two minutes, so the row keeps its values.
  const tooOld = stale.postedAt - watch.recurrence - watch.timeoutSeconds * 1_000 - 180_000;
  const lastExecution = watch.recurrence === 0 ? Math.min(row.lastExecution ?? tooOld, tooOld) : tooOld;
  return {
    ...row,
    alertValue: stale.frozen?.[server.name]?.[watch.key] ?? 'Healthy',
    isStale: true,
    lastExecution,
    lastTransition: Math.min(row.lastTransition ?? lastExecution, lastExecution),
  };
}

/** `HealthSet\Probe[\TargetResource]`. */
function findProbe(world: World, server: Server, identity: string): Watch | undefined {
  const [healthSet = '', probe = '', target] = identity.split('\\');
  return watchesOf(server, world.settings).find(
    (watch) =>
      watch.probe !== undefined &&
      sameName(watch.probeHealthSet ?? watch.healthSet, healthSet) &&
      sameName(watch.probe, probe) &&
      (target === undefined || sameName(watch.targetResource, target)),
  );
}

/** Whether `no-object` applies to this probe: by its name, with or without the health set; without a name it applies to all. */
function isProbe(wanted: unknown, identity: string): boolean {
  if (wanted === undefined) return true;
  const [healthSet = '', probe = ''] = identity.split('\\');
  return (
    sameName(String(wanted), probe) ||
    sameName(String(wanted), `${healthSet}\\${probe}`) ||
    sameName(String(wanted), identity)
  );
}

function findService(server: Server, name: string): Service {
  const key = name.toLowerCase();
  const service = Object.hasOwn(server.services, key) ? server.services[key] : undefined;
  if (service) return service;
  throw new ExchangeError('notFound', `There is no service "${name}" on ${server.fqdn}.`);
}

function serviceState({ runsAgainAt: _, staysDown: __, ...state }: Service): ServiceState {
  return state;
}

/** Checks the fence, then restarts the service, or throws the reason why not. */
function restartOne(
  world: World,
  server: Server,
  service: Service,
  seen: number | null,
  now: number,
  hangs: () => Trouble | undefined,
): Done {
  const startedAt = service.startedAt ?? null;
  if (startedAt !== null && (seen === null || startedAt > seen)) {
    return { effect: 'already', says: `${service.name} has started since it was last read.` };
  }
  if (startedAt !== seen) {
    throw new ExchangeError('refused', `${service.name} has changed since it was last read: ${service.status}.`);
  }
  if (service.startType === 'Disabled') throw new ExchangeError('refused', `${service.name} is disabled.`);
  if (service.status === 'StopPending' || service.status === 'StartPending') {
    throw new ExchangeError('refused', `${service.name} cannot be controlled now: it is in ${service.status}.`);
  }
  if (service.status === 'Running' && hangs()) {
    service.status = 'StopPending';
    reassess(world, server, now);
    const fails = new ExchangeError('timedOut', `${service.name} does not stop.`);
    return { effect: 'none', takes: world.settings['stop-hangs-for'], fails };
  }
  restart(world, server, service, now);
  return { effect: 'changed', takes: world.settings['service-restart'] };
}

const isScript = ({ script }: Record<string, unknown>, name: string) => sameName(String(script), name);

/** The lab has every script, unless a disturbance says otherwise. */
function scriptState(world: World, server: Server, name: string, run: string, now: number): ScriptState {
  const does = Object.values(world.troubles)
    .filter((one) => one.kind === 'script' && one.state === 'present' && isScript(one.body, name))
    .filter((one) => one.server === undefined || one.server === server.name)
    .map(({ body }) => body.does);
  const file = does.includes('missing') ? 'missing' : does.includes('differs') ? 'different' : 'same';
  const known = server.scriptRuns?.[run];
  if (!known) return { file, run: 'none' };
  return now < known.endsAt ? { file, run: 'running' } : { file, run: known.run, output: known.output };
}

/** Checks the fence, then runs the script. */
function runOne(
  world: World,
  server: Server,
  { name, timeLimit, repeat }: ScriptOrder,
  run: string,
  now: number,
  disturbed: (does: string) => Trouble | undefined,
): Done {
  const before = scriptState(world, server, name, run, now);
  if (before.run !== 'none' && !(repeat && before.run === 'interrupted')) {
    return { effect: 'already', says: `This run of ${name} began before.` };
  }
  if (before.file !== 'same') throw new ExchangeError('refused', `${name} is ${before.file} on ${server.fqdn}.`);
  server.scriptRuns ??= {};
  const hangs = disturbed('hangs') !== undefined;
  const takes = hangs ? timeLimit : Math.min(timeLimit, world.settings['script-runs-for']);
  const end = (how: ScriptRun['run'], output: string): Done => {
    server.scriptRuns![run] = { run: how, endsAt: now + takes, output };
    return { effect: 'changed', takes };
  };
  if (hangs) return end('failed', `It did not end within ${timeLimit} ms, and was stopped.`);
  if (disturbed('interrupted')) {
    const fails = new ExchangeError('unreachable', 'The connection was reset while the script ran.');
    return { ...end('interrupted', ''), fails };
  }
  if (disturbed('fails')) return end('failed', `ERROR: ${name} failed.`);
  scriptSucceeded(world, server.name, name, now);
  return end('succeeded', `${name} has run.`);
}

/** Checks the fence of a setting. Undefined: it still has the value that the caller read and must be changed. */
function compare(now: boolean, seen: boolean, wanted: boolean): Done | undefined {
  if (now === wanted) return { effect: 'already', says: `It is ${now} already.` };
  if (now !== seen) throw new ExchangeError('refused', `It is ${now}, but was ${seen} when it was last read.`);
  return undefined;
}

function componentsOf(server: Server): ComponentState[] {
  const names = [...COMPONENTS, ...(server.roles.includes('client-access') ? PROXY_COMPONENTS : [])];
  const all = [
    ...(server.components ?? names.map((component) => ({ component, state: 'Active', requesters: [] }) as const)),
  ];
  for (const { component } of server.inactive) {
    if (!all.some((each) => sameName(each.component, component)))
      all.push({ component, state: 'Active', requesters: [] });
  }
  return all.map((each) => componentOf(each, server));
}

/** A recorded component, with the requesters that made it Inactive since then and without those that have lifted it. */
function componentOf({ component, state, requesters }: ComponentState, server: Server): ComponentState {
  const by = server.inactive.filter((each) => sameName(each.component, component));
  const still = requesters.filter(
    (each) => each.state === 'Active' || by.some(({ requester }) => sameName(requester, each.requester)),
  );
  const more = by.filter(
    ({ requester }) =>
      requester !== '' && !still.some((each) => each.state !== 'Active' && sameName(each.requester, requester)),
  );
  const out = by.some((each) => !each.draining) ? 'Inactive' : by.length > 0 ? 'Draining' : undefined;
  return {
    component,
    state: out ?? (state === 'Inactive' || state === 'Draining' ? 'Active' : state),
    requesters: [...still, ...more.map(({ requester, draining }) => ({ requester, state: stateOf(draining) }))],
  };
}

const stateOf = (draining: true | undefined): 'Inactive' | 'Draining' => (draining ? 'Draining' : 'Inactive');
