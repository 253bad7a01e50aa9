import type { Role } from '../../incident/health.ts';
import { sameName } from '../../incident/names.ts';

/**
 * The 72 health sets that Exchange 2013's management pack documents, with their roles, monitors and on-demand probes. A
 * health set whose page names no monitor gets one of its own name.
 *
 * Source: the "Health sets" pages of Exchange Server 2013's documentation, and the rows of real servers for the target
 * resources of IMAP. `RequestsQueuedGt500Monitor` really is in two health sets, and both rows of OWA.Proxy really have
 * the same name: only health set, name and target resource together identify a row.
 */
export interface MonitorDefinition {
  healthSet: string;
  name: string;
  targetResource: string;
  /** `ServerComponentName`. */
  component: string;
  /** The row exists on servers with one of these roles. */
  roles: readonly Role[];
  /** The probe that Invoke-MonitoringProbe can run; absent if there is none. */
  probe?: string;
  /** The health set of the probe, if it is another one. */
  probeHealthSet?: string;
  /** What the probe requires; `directory` is Active Directory. */
  dependencies: readonly string[];
  /** The parts of a server whose failures this monitor shows. */
  looksAt: readonly Part[];
  /** The Windows service that must run for the probe to succeed. */
  service?: string;
  /** A load monitor, which has one row on a server with both roles. */
  isLoad?: boolean;
  /** Evaluated by a notification or a check, without a recurrence. */
  isEventDriven?: boolean;
  /** A client-touch-point probe, which logs on as a monitoring mailbox and so reaches a back end. */
  reaches?: Protocol;
}

type Protocol = 'imap' | 'pop';

/** A part of a server that can fail. `ctp-route` is the route from a client access server to a failing back end. */
export type Part = `${Protocol}-${'back-end' | 'store' | 'front-end' | 'ctp-route' | 'load'}`;

const CLIENT_ACCESS: readonly Role[] = ['client-access'];
const MAILBOX: readonly Role[] = ['mailbox'];
const BOTH: readonly Role[] = ['client-access', 'mailbox'];

interface Watch {
  name: string;
  probe?: string;
  dependencies: readonly string[];
  targetResource: string;
  isEventDriven?: true;
}

/** A monitor that the published pages list as driven by notifications. */
function notified(name: string): Watch {
  return { ...watch(name), isEventDriven: true };
}

function watch(name: string, probe?: string, dependencies: readonly string[] = [], targetResource = ''): Watch {
  return { name, ...(probe ? { probe } : {}), dependencies, targetResource };
}

function set(healthSet: string, roles: readonly Role[], ...watches: Watch[]): MonitorDefinition[] {
  const component = PROXY_COMPONENTS[healthSet] ?? 'None';
  return (watches.length > 0 ? watches : [watch(`${healthSet}Monitor`)]).map((each) => ({
    healthSet,
    component,
    roles,
    looksAt: [],
    ...each,
  }));
}

const PROXY_COMPONENTS: Record<string, string> = {
  'ActiveSync.Proxy': 'ActiveSyncProxy',
  'Autodiscover.Proxy': 'AutoDiscoverProxy',
  'ECP.Proxy': 'EcpProxy',
  'EWS.Proxy': 'EwsProxy',
  'OAB.Proxy': 'OabProxy',
  'OWA.Proxy': 'OwaProxy',
  'Outlook.Proxy': 'RpcProxy',
  'RPS.Proxy': 'RpsProxy',
};

/** The monitors of IMAP and POP, which are simulated in depth, and what they check. */
function mailProtocol(options: {
  name: string;
  prefix: string;
  protocol: Protocol;
  service: string;
  dependencies: Record<'ctp' | 'proxy' | 'deep' | 'self', readonly string[]>;
  load: readonly string[];
}): MonitorDefinition[] {
  const { name, prefix, protocol, service, dependencies } = options;
  const target = `MSExchange${prefix}`;
  const frontEnd = { roles: CLIENT_ACCESS, targetResource: target, service, component: 'None' };
  const backEnd = { roles: MAILBOX, targetResource: `${target}BE`, service: `${service}BE`, component: 'None' };
  const bare = prefix.replace(/\d/, '');
  const load = (which: string, side: { roles: readonly Role[]; targetResource: string }): MonitorDefinition => ({
    healthSet: name,
    name: which,
    component: 'None',
    roles: side.roles,
    targetResource: side.targetResource,
    dependencies: [],
    looksAt: which.startsWith('Average') ? [`${protocol}-load`] : [],
    isLoad: true,
  });
  return [
    {
      ...frontEnd,
      healthSet: name,
      name: `${bare}CTPMonitor`,
      probe: `${bare}CTPProbe`,
      dependencies: dependencies.ctp,
      // Its monitor averages many log-ons over a long time: it shows a long failure of a back end, not a short one of
      // the front end. An on-demand run detects both.
      looksAt: [`${protocol}-ctp-route`],
      reaches: protocol,
    },
    {
      ...frontEnd,
      healthSet: `${name}.Proxy`,
      name: `${bare}ProxyTestMonitor`,
      probe: `${bare}ProxyTestProbe`,
      component: `${bare}Proxy`,
      dependencies: dependencies.proxy,
      looksAt: [`${protocol}-front-end`],
    },
    {
      ...backEnd,
      healthSet: `${name}.Protocol`,
      name: `${bare}DeepTestMonitor`,
      probe: `${bare}DeepTestProbe`,
      dependencies: dependencies.deep,
      looksAt: [`${protocol}-back-end`, `${protocol}-store`],
    },
    {
      ...backEnd,
      healthSet: `${name}.Protocol`,
      name: `${bare}SelfTestMonitor`,
      probe: `${bare}SelfTestProbe`,
      dependencies: dependencies.self,
      looksAt: [`${protocol}-back-end`],
    },
    // One row for each load monitor; a server with both roles lists it for its back end.
    ...options.load.flatMap((which) => [load(which, backEnd), load(which, frontEnd)]),
  ];
}

const IMAP_AND_POP: MonitorDefinition[] = [
  ...mailProtocol({
    name: 'IMAP',
    prefix: 'Imap4',
    protocol: 'imap',
    service: 'MSExchangeIMAP4',
    dependencies: {
      ctp: ['directory', 'authentication', 'mailbox-authentication', 'high-availability', 'network'],
      proxy: ['directory', 'authentication'],
      deep: ['directory', 'authentication', 'store', 'high-availability'],
      self: ['directory', 'authentication'],
    },
    load: ['AverageCommandProcessingTimeGt60sMonitor', 'RequestsQueuedGt500Monitor'],
  }),
  ...mailProtocol({
    name: 'POP',
    prefix: 'Pop3',
    protocol: 'pop',
    service: 'MSExchangePOP3',
    dependencies: {
      ctp: ['directory', 'authentication', 'mailbox-authentication', 'store', 'high-availability', 'network'],
      proxy: [],
      deep: ['directory', 'authentication', 'store', 'high-availability'],
      self: [],
    },
    load: ['AverageCommandProcessingTimeGt60sMonitor'],
  }),
];

const MONITORS: readonly MonitorDefinition[] = [
  ...IMAP_AND_POP,
  ...[
    set(
      'ActiveSync',
      BOTH,
      watch('ActiveSyncCTPMonitor', 'ActiveSyncCTPProbe', [
        'directory',
        'authentication',
        'mailbox-authentication',
        'store',
        'high-availability',
        'network',
      ]),
      watch('RequestsQueuedGt500Monitor'),
    ),
    set(
      'ActiveSync.Protocol',
      MAILBOX,
      watch('ActiveSyncDeepTestMonitor', 'ActiveSyncDeepTestProbe', [
        'directory',
        'authentication',
        'store',
        'high-availability',
      ]),
      watch('ActiveSyncSelfTestMonitor', 'ActiveSyncSelfTestProbe', ['directory', 'authentication']),
    ),
    set('ActiveSync.Proxy', CLIENT_ACCESS, watch('ActiveSyncProxyTestMonitor', 'ActiveSyncProxyTestProbe')),
    set('Autodiscover', CLIENT_ACCESS, watch('AutodiscoverCtpMonitor', 'AutodiscoverCtpProbe', ['directory'])),
    set(
      'Autodiscover.Protocol',
      MAILBOX,
      watch('AutodiscoverSelfTestMonitor', 'AutodiscoverSelfTestProbe', ['directory']),
    ),
    set(
      'Autodiscover.Proxy',
      CLIENT_ACCESS,
      watch('AutodiscoverProxyTestMonitor', 'AutoDiscoverProxyTestProbe', ['directory']),
    ),
    set(
      'ECP',
      BOTH,
      watch('EacSelfTestMonitor', 'EacSelfTestProbe', ['directory']),
      watch('EacDeepTestMonitor', 'EacDeepTestProbe', ['directory']),
    ),
    set('ECP.Proxy', CLIENT_ACCESS, watch('ECPProxyTestMonitor', 'ECPProxyTestProbe', ['directory'])),
    set('EWS', CLIENT_ACCESS, watch('EwsCtpMonitor', 'EwsCtpProbe', ['store', 'directory'])),
    set(
      'EWS.Protocol',
      MAILBOX,
      watch('EWSSelfTestMonitor', 'EwsSelfTestProbe', ['directory']),
      watch('EWSDeepTestMonitor', 'EwsDeepTestProbe', ['store']),
    ),
    set('EWS.Proxy', CLIENT_ACCESS, watch('EWSProxyTestMonitor', 'EWSProxyTestProbe', ['directory'])),
    set('OAB.Proxy', CLIENT_ACCESS, watch('OABProxyTestMonitor', 'OABProxyTestProbe', ['directory'])),
    set('Outlook.Proxy', CLIENT_ACCESS, watch('OutlookProxyTestMonitor', 'OutlookProxyTestProbe', ['directory'])),
    set('RPS.Proxy', BOTH, watch('RPSProxyTestMonitor', 'RPSProxyTestProbe', ['directory'])),
    set('OWA', CLIENT_ACCESS, watch('OwaCtpMonitor', 'OwaCtpProbe', ['directory', 'store'])),
    set(
      'OWA.Protocol',
      MAILBOX,
      watch('OwaSelfTestMonitor', 'OwaSelfTestProbe'),
      watch('OwaDeepTestMonitor', 'OwaDeepTestProbe', ['directory', 'store']),
    ),
    set(
      'OWA.Proxy',
      CLIENT_ACCESS,
      watch('OWAProxyTestMonitor', 'OWAProxyTestProbe', ['directory'], 'MSExchangeOWAAppPool'),
      watch('OWAProxyTestMonitor', 'OWAanonymouscalendarProbe', ['directory'], 'MSExchangeOWACalendarAppPool'),
    ),
    set(
      'OWA.Protocol.Dep',
      MAILBOX,
      notified('OwaIMInitializationFailedMonitor'),
      notified('WacDiscoveryFailureEventMonitor'),
    ),
    set(
      'DataProtection',
      BOTH,
      watch('ClusterEndpointMonitor', 'ClusterEndpointProbe', ['directory']),
      watch('ClusterGroupMonitor', 'ClusterGroupProbe', ['directory']),
      watch('ClusterNetworkMonitor', 'ClusterNetworkProbe', ['directory']),
      watch('ClusterServiceCrashMonitor', 'ClusterServiceCrashProbe', ['directory']),
      watch('ServerOneCopyMonitor', 'ServerOneCopyProbe', ['directory']),
      watch('ServerOneCopyInternalMonitorMonitor', 'ServerOneCopyInternalMonitorProbe', ['directory']),
      watch('ServiceHealthMSExchangeReplEndpointMonitor', 'ServiceHealthMSExchangeReplEndpointProbe', ['directory']),
      watch('ServiceHealthMSExchangeReplCrashMonitor', 'ServiceHealthMSExchangeReplCrashProbe', ['directory']),
      watch('ServerSiteFailureMonitor', 'ServerSiteFailureProbe', ['directory']),
      watch('StorageApparentControllerIssuesMonitor', 'StorageApparentControllerIssuesProbe', ['directory']),
      watch('DatabaseHealthTooManyMountedDatabaseMonitor', 'DatabaseHealthTooManyMountedDatabaseProbe', ['directory']),
    ),
    set('MRS', MAILBOX, watch('MRSServiceCrashingMonitor', 'MRSServiceCrashingProbe', ['store'])),
    set('UM', CLIENT_ACCESS),
    set('UM.Protocol', MAILBOX, watch('UMSelfTestMonitor', 'UMSelfTestProbe', ['directory'])),
    set('UM.CallRouter', BOTH, watch('UMCallRouterTestMonitor', 'UMCallRouterTestProbe', ['directory'])),
    set(
      'HubTransport',
      BOTH,
      watch('ActiveQueueDrainFailureMonitor', 'ActiveQueueDrainFailureProbe'),
      watch('DiagnosticsAggregationLocalSnapshotMonitor', 'DiagnosticsAggregationLocalSnapshotProbe'),
      watch('DiagnosticsAggregationWebServiceMonitor', 'DiagnosticsAggregationWebServiceProbe'),
      watch('HubAvailabilityMonitor', 'HubAvailabilityProbe'),
      watch('HubTransportServiceRunningMonitor', 'HubTransportServiceRunning'),
      watch('ShadowQueueDiscardDrainFailureMonitor', 'ShadowQueueDiscardDrainFailureProbe'),
      watch('ThrottlingServiceRunningMonitor', 'ThrottlingServiceRunning'),
      watch('TransportEdgeSync.Service.Monitor', 'TransportEdgeSync.Service.Probe'),
      watch('TransportLogSearchRunningMonitor', 'TransportLogSearchRunningProbe'),
      notified('SubmissionQueueMonitor'),
      notified('QueueExternalAggregateMonitor'),
    ),
    set(
      'MailboxTransport',
      MAILBOX,
      watch('MailboxDeliveryAvailabilityMonitor', 'MailboxDeliveryAvailability'),
      watch('MailboxDeliveryAvailabilityAggregationMonitor', 'MailboxDeliveryAvailabilityAggregationProbe'),
      watch('MailboxDeliveryInstanceAvailabilityMonitor', 'MailboxDeliveryInstanceAvailabilityProbe'),
      watch('MailboxTransportDeliveryServiceRunningMonitor', 'MailboxTransportDeliveryServiceRunning'),
      watch('MailboxTransportSubmissionServiceRunningMonitor', 'MailboxTransportSubmissionServiceRunning'),
      watch('Mapi.Submit.Monitor', 'Mapi.Submit.Probe'),
      notified('MailboxTransportUserQuarantineMonitor'),
    ),
    set('FIPS', BOTH, notified('MaintenanceFailureMonitor.FIPS'), notified('MaintenanceTimeoutMonitor.FIPS')),
    set('SiteMailbox', MAILBOX),
    set('AD', BOTH),
    set('Antimalware', MAILBOX),
    set('Antispam', MAILBOX),
    set('Classification', MAILBOX),
    set('ClientAccess.Proxy', CLIENT_ACCESS),
    set('Compliance', CLIENT_ACCESS),
    set('DiskSpace', BOTH),
    set('EDS', BOTH),
    set('EventAssistants', MAILBOX),
    set('FfoQuarantine', MAILBOX),
    set('FfoTransport', MAILBOX),
    set('FfoUmc', CLIENT_ACCESS),
    set('FfoWebService', CLIENT_ACCESS),
    set('FreeBusy', MAILBOX),
    set('FrontendTransport', BOTH),
    set('MailboxMigration', MAILBOX),
    set('MailboxSpace', MAILBOX),
    set('MailFlow', CLIENT_ACCESS),
    set('Memory', BOTH),
    set('MessageTracing', MAILBOX),
    set('Monitoring', BOTH),
    set('MSExchangeCertificateDeployment', MAILBOX),
    set('Network', BOTH),
    set('OAB', MAILBOX),
    set('Outlook', CLIENT_ACCESS),
    set('Outlook.Protocol', MAILBOX),
    set('PowershellDataProvider', BOTH),
    set('PublicFolders', MAILBOX),
    set('PushNotifications.Protocol', MAILBOX),
    set('RemoteMonitoring', BOTH),
    set('RPS', BOTH),
    set('Search', BOTH),
    set('SMTP', BOTH),
    set('Store', MAILBOX),
    set('Transport', CLIENT_ACCESS),
    set('UserThrottling', BOTH),
    set('Clustering', MAILBOX),
    set('Ediscovery.Protocol', MAILBOX),
    set('RPS.Protocol', MAILBOX),
  ].flat(),
];

/** The documented health sets, each once. */
export const HEALTH_SETS: readonly string[] = [...new Set(MONITORS.map((monitor) => monitor.healthSet))];

/** The rows of a server: by its roles, without IMAP or POP if unused, without UM since Exchange 2019. */
export function monitorsFor(server: {
  roles: readonly Role[];
  version: string;
  uses: { imap: boolean; pop: boolean };
}): MonitorDefinition[] {
  const seen = new Set<string>();
  return MONITORS.filter((monitor) => {
    const family = monitor.healthSet.split('.')[0];
    if (!monitor.roles.some((role) => server.roles.includes(role))) return false;
    if (family === 'IMAP' && !server.uses.imap) return false;
    if (family === 'POP' && !server.uses.pop) return false;
    if (family === 'UM' && server.version === '15.2') return false;
    // Load monitors are twice in the table, once for each side; the back end comes first and wins.
    const key = monitor.isLoad ? `${monitor.healthSet}\\${monitor.name}` : keyOf(monitor);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The key of a row on its server. */
export function keyOf(monitor: Pick<MonitorDefinition, 'healthSet' | 'name' | 'targetResource'>): string {
  return `${monitor.healthSet}\\${monitor.name}\\${monitor.targetResource}`;
}

/**
 * The definition of a recorded row. Target resources differ between versions of Exchange, so the name decides if no row
 * has the same one.
 */
export function definitionOf(
  row: Pick<MonitorDefinition, 'healthSet' | 'name' | 'targetResource'>,
  roles: readonly Role[],
): MonitorDefinition | undefined {
  const named = MONITORS.filter((each) => sameName(each.healthSet, row.healthSet) && sameName(each.name, row.name));
  return (
    named.find((each) => sameName(each.targetResource, row.targetResource)) ??
    named.find((each) => each.roles.some((role) => roles.includes(role))) ??
    named[0]
  );
}

/** The Windows service that monitors of a health set check, if the table has one. */
export function serviceOfHealthSet(healthSet: string): string | undefined {
  return MONITORS.find((each) => each.service && each.healthSet.toLowerCase() === healthSet.toLowerCase())?.service;
}
