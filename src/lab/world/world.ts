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

/** Everything that is true of the simulated organisation: plain data, so that it can be written to a file and read back. */
export interface World {
  name: string;
  settings: LabSettings;
  servers: Record<string, Server>;
  groups: Record<string, Group>;
  databases: Record<string, Database>;
  /** What is broken and why, by server; `*` is every server. */
  causes: Record<string, Cause[]>;
  /** What was posted: faults and disturbances, by id. */
  troubles: Record<string, Trouble>;
  /** Ids of the troubles that disturb commands and are not over: each command looks through them. */
  disturbances: string[];
  /** What is going to happen, the next first. */
  agenda: Happening[];
  lastTrouble: number;
  /** Decides what is random: the order in which CTP probes visit the back ends. */
  seed: number;
  /** There are more databases than these, which a recording did not see. */
  hasUnseenDatabases?: true;
}

export interface Server {
  name: string;
  fqdn: string;
  site: string;
  version: string;
  roles: Role[];
  dag?: string;
  /** Where it is not what follows from the roles: what disruptive actions are serialised over. */
  group?: string;
  /** Which protocols are used here, so that Managed Availability watches them. */
  uses: Record<Protocol, boolean>;
  routesTo: string[];
  /** By the name in lower case. */
  services: Record<string, Service>;
  bootedAt: Instant;
  /** Set from the reboot until the server is warm. */
  boot?: Boot;
  activationBlocked: boolean;
  autoActivationPolicy: 'Unrestricted' | 'IntrasiteOnly' | 'Blocked';
  maximumActiveDatabases?: number;
  protocolLog: Record<Protocol, boolean>;
  /** Where that is not the default folder. */
  protocolLogFolder?: Partial<Record<Protocol, string>>;
  /** As a recording saw them, in its order; else the usual ones, all Active. */
  components?: ComponentState[];
  /** Who took which component out of service. */
  inactive: ComponentRequest[];
  /** With the trouble that a responder acts on. */
  recoveryActions: (RecoveryAction & { trouble?: string })[];
  /** As a recording saw them, in its order; else the table of health sets says which there are. */
  monitors?: RecordedMonitor[];
  /** How often monitors evaluate of which somebody said so, in seconds by their key: see the disturbance `row`. */
  paces?: Record<string, number>;
  /** Of the table's monitors only those that were ever anything but Healthy since the start. */
  rows: Record<string, RowMemory>;
  /** How many CTP probes were run by hand: the walk through the back ends. */
  ctpRuns: Record<Protocol, number>;
}

/** A row that a recording saw. */
export interface RecordedMonitor {
  healthSet: string;
  name: string;
  targetResource: string;
  component: string;
  /** 0: no clock drives it. Absent: its row does not say. */
  recurrenceSeconds?: number;
  timeoutSeconds: number;
  /** It evaluates at every multiple of the recurrence after this. */
  phase: number;
  /** The probe that was linked to it, where that is not the table's. */
  probe?: { healthSet: string; name: string };
  /** It was healthy while the service that the table names was stopped: it does without. */
  needsNoService?: true;
}

/** One requester's wish that a component be out of service. */
export interface ComponentRequest {
  component: string;
  /** '' where a recording did not see who it was. */
  requester: string;
  /** Instead of Inactive. */
  draining?: true;
  /** The component's service runs on regardless (KB 3025138), instead of stopping by design. */
  serviceRuns?: true;
  trouble: string;
}

export interface Service extends ServiceState {
  /** Set while it restarts: when it will run again. */
  runsAgainAt?: Instant;
  /** Windows does not bring it up at boot, whatever its start type says. */
  staysDown?: true;
}

/** A reboot under way: up to when the server is how far. A server that never returns stays `down`. */
export interface Boot {
  stage: 'down' | 'remoting' | 'services';
  /** The stage's end is on the agenda; a server that never returns has none. */
  neverReturns: boolean;
}

export interface Group {
  members: string[];
  witness?: string;
  /** Its share did not answer, whatever its server does. */
  witnessDown?: true;
  /** Members whose cluster node is down although they answer; until they boot. */
  nodesDown?: string[];
}

export interface Database {
  /** '' where a recording did not see the active copy. */
  activeOn: string;
  copies: Record<string, Copy>;
  monitoringMailboxes: boolean;
  /** Its server went down, and no other could take it. */
  dismounted: boolean;
  /** How many copies there are, where a recording did not see them all. */
  copiesInAll?: number;
}

export interface Copy {
  lagged: boolean;
  suspended: boolean;
  error?: string;
  /** Where it is not what follows from server and database: Failed, Suspended … Until it is moved, or its server boots. */
  status?: string;
  copyQueueLength?: number;
  replayQueueLength?: number;
}

/** How a row came to be as it is: what it was when the truth last changed, and what is true since then. */
export interface RowMemory {
  base: HealthRow['alertValue'];
  /** When it took that value, if that is known. */
  since?: Instant;
  /** Whether the monitor's probe has been failing since `changedAt`. */
  failing: boolean;
  changedAt: Instant;
  /** When it had last evaluated at `changedAt`, where that does not follow from its recurrence; null: never. An event that sets a row is its evaluation. */
  lastExecution?: Instant | null;
  /** It stays so: its value (somebody works on it, switched it off), or all of it (the health manager hangs). */
  holds?: 'value' | 'stale';
}

/** Why something fails, and what ends it. */
export interface Cause {
  trouble: string;
  /** What is sick: a part of the server, one monitor by its key, or the directory. */
  sits: { part: Part } | { monitor: string } | { directory: true };
  /** Only the monitor's row says so; probes succeed already. */
  rowOnly: boolean;
  /** Only the probe says so; the row is well. */
  probeOnly?: true;
  cure: Cure;
  says: string;
  /** A probe that meets it runs into its time-out. */
  hangs: boolean;
  /** What its own probe answers, to the letter. */
  answer?: Pick<ProbeResult, 'resultType' | 'error' | 'exception'>;
  /** `ctp-route`: the sick back end. */
  backEnd?: string;
}

export type Cure =
  | { by: 'restart-service'; services: string[]; still: string[] }
  | { by: 'restart-server' }
  | { by: 'databases-away' }
  | { by: 'back-end'; server: string }
  | { by: 'none' };

export interface Trouble {
  id: string;
  kind: string;
  server?: string;
  /** As posted, checked. */
  body: Record<string, unknown>;
  postedAt: Instant;
  state: 'present' | 'cured' | 'used up';
  endedAt?: Instant;
  /** How often it still applies; absent: until it is deleted. */
  timesLeft?: number;
  /** `stale-rows`: what the rows said when it began, where that was not Healthy. */
  frozen?: Record<string, Record<string, HealthRow['alertValue']>>;
  /** `service-state`: how the service was when it began. */
  before?: Pick<ServiceState, 'status' | 'startType'>;
}

/** Something that happens at its time, in the order of time. */
export type Happening = { at: Instant } & (
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

/** Puts it in its place; what was added first happens first among equals. */
export function schedule(world: World, happening: Happening): void {
  const index = world.agenda.findLastIndex((other) => other.at <= happening.at);
  world.agenda.splice(index + 1, 0, happening);
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
