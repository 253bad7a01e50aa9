import type { Instant } from '../../incident/alert.ts';
import type { Role } from '../../incident/health.ts';
import type {
  ComponentState,
  HealthRow,
  ProbeResult,
  Protocol,
  RecoveryAction,
  ServiceState,
} from '../../ports/exchange.ts';
import type { Part } from './health-sets.ts';
import type { LabSettings, OrganisationPlan } from './organisation.ts';

/** The state of the simulated organisation: plain data that can be saved to a file and loaded again. */
export interface World {
  name: string;
  settings: LabSettings;
  servers: Record<string, Server>;
  groups: Record<string, Group>;
  databases: Record<string, Database>;
  /** The causes of failures, by server; `*` is every server. */
  causes: Record<string, Cause[]>;
  /** Posted faults and disturbances, by id. */
  troubles: Record<string, Trouble>;
  /** Ids of present troubles that disturb commands; every command checks them. */
  disturbances: string[];
  /** Scheduled events, the next one first. */
  agenda: ScheduledEvent[];
  lastTrouble: number;
  /** Seed of random decisions, such as the order in which CTP probes visit the back ends. */
  seed: number;
  /** There are more databases, which the recording does not contain. */
  hasUnseenDatabases?: true;
}

export interface Server {
  name: string;
  fqdn: string;
  site: string;
  version: string;
  roles: Role[];
  dag?: string;
  /** The group over which disruptive actions are serialised, if it does not follow from the roles. */
  group?: string;
  /** The protocols in use, which Managed Availability watches. */
  uses: Record<Protocol, boolean>;
  routesTo: string[];
  /** By name in lower case. */
  services: Record<string, Service>;
  bootedAt: Instant;
  /** Set from the reboot until the server is warm. */
  boot?: Boot;
  activationBlocked: boolean;
  autoActivationPolicy: 'Unrestricted' | 'IntrasiteOnly' | 'Blocked';
  maximumActiveDatabases?: number;
  protocolLog: Record<Protocol, boolean>;
  /** If it is not the default folder. */
  protocolLogFolder?: Partial<Record<Protocol, string>>;
  /** From a recording, in its order. Default: the usual ones, all Active. */
  components?: ComponentState[];
  /** The requests that take components out of service. */
  inactive: ComponentRequest[];
  /** With the trouble that a responder acts on. */
  recoveryActions: (RecoveryAction & { trouble?: string })[];
  /** Runs of scripts of the admin, by their names: at `endsAt` each has become `run`. */
  scriptRuns?: Record<string, ScriptRun>;
  /** From a recording, in its order. Default: those of the table of health sets. */
  monitors?: RecordedMonitor[];
  /** Recurrence of monitors that was set with the disturbance `row`, in seconds by key. */
  paces?: Record<string, number>;
  /** Only the monitors that were not always Healthy since the start. */
  rows: Record<string, RowMemory>;
  /** Number of on-demand CTP probes, which determines the next back end. */
  ctpRuns: Record<Protocol, number>;
}

/** A row of a recording. */
export interface RecordedMonitor {
  healthSet: string;
  name: string;
  targetResource: string;
  component: string;
  /** 0: evaluated by events only. Absent: the row does not contain it. */
  recurrenceSeconds?: number;
  timeoutSeconds: number;
  /** It evaluates at multiples of the recurrence after this. */
  phase: number;
  /** Its probe, if it is not that of the table. */
  probe?: { healthSet: string; name: string };
  /** It was healthy while the service of the table was stopped, so it does not require the service. */
  needsNoService?: true;
}

/** A requester's request to take a component out of service. */
export interface ComponentRequest {
  component: string;
  /** '' if the recording does not contain it. */
  requester: string;
  /** Instead of Inactive. */
  draining?: true;
  /** The component's service keeps running (KB 3025138) instead of stopping by design. */
  serviceRuns?: true;
  trouble: string;
}

export interface Service extends ServiceState {
  /** Set during a restart: when it will run again. */
  runsAgainAt?: Instant;
  /** Windows does not start it at boot, despite its start type. */
  staysDown?: true;
}

/** A reboot in progress, with its stage. A server that never returns stays `down`. */
export interface Boot {
  stage: 'down' | 'remoting' | 'services';
  /** The end of the stage is not scheduled. */
  neverReturns: boolean;
}

export interface Group {
  members: string[];
  witness?: string;
  /** Its share does not answer, even if its server is up. */
  witnessDown?: true;
  /** Members that answer but whose cluster node is down until they boot. */
  nodesDown?: string[];
}

export interface Database {
  /** '' if the recording does not contain the active copy. */
  activeOn: string;
  copies: Record<string, Copy>;
  monitoringMailboxes: boolean;
  /** Its server went down and no other could mount it. */
  dismounted: boolean;
  /** Number of copies, if the recording does not contain all of them. */
  copiesInAll?: number;
}

export interface Copy {
  lagged: boolean;
  suspended: boolean;
  error?: string;
  /** If it does not follow from server and database: Failed, Suspended … Until the copy is moved or its server boots. */
  status?: string;
  copyQueueLength?: number;
  replayQueueLength?: number;
}

/** The history of a row: its value when the state of the server last changed, and the state since then. */
export interface RowMemory {
  base: HealthRow['alertValue'];
  /** When it got that value, if known. */
  since?: Instant;
  /** Whether the monitor's probe has been failing since `changedAt`. */
  failing: boolean;
  changedAt: Instant;
  /** Last evaluation before `changedAt`, if it does not follow from the recurrence; null: never. An event that sets a row counts as evaluation. */
  lastExecution?: Instant | null;
  /** What stays as it is: its value (it is being repaired or disabled), or the whole row (the health manager hangs). */
  holds?: 'value' | 'stale';
}

export interface ScriptRun {
  run: 'succeeded' | 'failed' | 'interrupted';
  endsAt: Instant;
  output: string;
}

/** A cause of failures, and its cure. */
export interface Cause {
  trouble: string;
  /** The failing thing: a part of the server, one monitor by its key, or the directory. */
  sits: { part: Part } | { monitor: string } | { directory: true };
  /** Only the row of the monitor is Unhealthy; probes succeed. */
  rowOnly: boolean;
  /** Only the probe fails; the row is Healthy. */
  probeOnly?: true;
  cure: Cure;
  says: string;
  /** Probes time out. */
  hangs: boolean;
  /** The exact result of its own probe. */
  answer?: Pick<ProbeResult, 'resultType' | 'error' | 'exception'>;
  /** `ctp-route`: the failing back end. */
  backEnd?: string;
}

export type Cure =
  | { by: 'restart-service'; services: string[]; still: string[] }
  | { by: 'restart-server' }
  | { by: 'databases-away' }
  | { by: 'run-script'; script: string }
  | { by: 'back-end'; server: string }
  | { by: 'none' };

export interface Trouble {
  id: string;
  kind: string;
  server?: string;
  /** The validated request body. */
  body: Record<string, unknown>;
  postedAt: Instant;
  state: 'present' | 'cured' | 'used up';
  endedAt?: Instant;
  /** How often it still applies. Absent: until it is deleted. */
  timesLeft?: number;
  /** `stale-rows`: values of the rows at the start that were not Healthy. */
  frozen?: Record<string, Record<string, HealthRow['alertValue']>>;
  /** `service-state`: state of the service at the start. */
  before?: Pick<ServiceState, 'status' | 'startType'>;
}

/** An event at a scheduled time. */
export type ScheduledEvent = { at: Instant } & (
  | { what: 'service-runs'; server: string; service: string }
  | { what: 'database-moves'; server: string; database: string }
  | { what: 'boots' | 'remoting' | 'services' | 'warm'; server: string }
  | { what: 'relapse' | 'flap' | 'over'; trouble: string }
  | {
      what: 'responder-starts' | 'responder-ends';
      server: string;
      trouble: string;
      resource: string;
      requester: string;
    }
);

/** Adds an event to the agenda; events with the same time run in the order in which they were added. */
export function schedule(world: World, event: ScheduledEvent): void {
  const index = world.agenda.findLastIndex((other) => other.at <= event.at);
  world.agenda.splice(index + 1, 0, event);
}

const ALWAYS = [
  'MSExchangeADTopology',
  'MSExchangeDiagnostics',
  'MSExchangeHM',
  'MSExchangeHMRecovery',
  'MSExchangeServiceHost',
];
const ON_MAILBOX = [
  'HostControllerService',
  'MSExchangeDagMgmt',
  'MSExchangeDelivery',
  'MSExchangeFastSearch',
  'MSExchangeIS',
  'MSExchangeMailboxAssistants',
  'MSExchangeMailboxReplication',
  'MSExchangeRepl',
  'MSExchangeRPC',
  'MSExchangeSubmission',
  'MSExchangeThrottling',
  'MSExchangeTransport',
  'MSExchangeTransportLogSearch',
];
const ON_CLIENT_ACCESS = ['MSExchangeFrontEndTransport'];

export function buildWorld(plan: OrganisationPlan, now: Instant, seed: number): World {
  const groupOf = (name: string) => Object.entries(plan.groups).find(([, group]) => group.members.includes(name))?.[0];
  const groupsOfSite = (site: string) =>
    Object.entries(plan.groups)
      .filter(([, group]) => group.members.some((member) => plan.servers[member]?.site === site))
      .map(([name]) => name);

  const servers = Object.entries(plan.servers).map(([name, told], index): [string, Server] => {
    const dag = groupOf(name);
    const uses = { imap: told.imap, pop: told.pop };
    return [
      name,
      {
        name,
        fqdn: `${name}.${plan.organisation}`,
        site: told.site,
        version: told.version,
        roles: told.roles,
        ...(dag ? { dag } : {}),
        uses,
        routesTo: told['routes-to'] ?? (dag ? [dag] : groupsOfSite(told.site)),
        services: servicesOf(told.roles, uses, now - plan.settings['services-up-for'] - index * 61_000),
        bootedAt: now - plan.settings['servers-up-for'] - index * 600_000,
        activationBlocked: false,
        autoActivationPolicy: told['auto-activation-policy'],
        ...(told['maximum-active-databases'] === undefined
          ? {}
          : { maximumActiveDatabases: told['maximum-active-databases'] }),
        protocolLog: { imap: false, pop: false },
        inactive: [],
        recoveryActions: [],
        rows: {},
        ctpRuns: { imap: 0, pop: 0 },
      },
    ];
  });

  const databases = Object.entries(plan.databases).map(([name, told]): [string, Database] => [
    name,
    {
      activeOn: told.copies[0]!,
      copies: Object.fromEntries(
        told.copies.map((server) => [
          server,
          { lagged: told.lagged.includes(server), suspended: told.suspended.includes(server) },
        ]),
      ),
      monitoringMailboxes: told['monitoring-mailboxes'],
      dismounted: false,
    },
  ]);

  return {
    name: plan.organisation,
    settings: plan.settings,
    servers: Object.fromEntries(servers),
    groups: Object.fromEntries(
      Object.entries(plan.groups).map(([name, group]) => [
        name,
        { members: group.members, ...(group.witness ? { witness: group.witness } : {}) },
      ]),
    ),
    databases: Object.fromEntries(databases),
    causes: {},
    troubles: {},
    disturbances: [],
    agenda: [],
    lastTrouble: 0,
    seed,
  };
}

/** IMAP and POP ship as Manual and stopped; an organisation that uses them sets them to Automatic. */
export function servicesOf(
  roles: Role[],
  uses: Record<Protocol, boolean>,
  startedAt: Instant,
): Record<string, Service> {
  const services: Record<string, Service> = {};
  const install = (name: string, used: boolean) => {
    services[name.toLowerCase()] = used
      ? { name, status: 'Running', startType: 'Automatic', startedAt: startedAt + Object.keys(services).length * 1_000 }
      : { name, status: 'Stopped', startType: 'Manual' };
  };
  for (const name of ALWAYS) install(name, true);
  if (roles.includes('mailbox')) {
    for (const name of ON_MAILBOX) install(name, true);
    install('MSExchangeIMAP4BE', uses.imap);
    install('MSExchangePOP3BE', uses.pop);
  }
  if (roles.includes('client-access')) {
    for (const name of ON_CLIENT_ACCESS) install(name, true);
    install('MSExchangeIMAP4', uses.imap);
    install('MSExchangePOP3', uses.pop);
  }
  return services;
}
