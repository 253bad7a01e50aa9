/**
 * The founding page's four procedures, on each kind of server they can meet, cured at their first, middle and last cure
 * and by nothing; and what must not be done. What counts is the lab's command log: the page's commands in the page's order, and no other change.
 */
export interface Scenario {
  says: string;
  faults: Record<string, unknown>[];
  alert: { server: string; healthSet: string; monitor: string };
  changes: string[];
  outcome: string;
  /** Part of the reason. */
  because?: string;
  left?: number;
}

const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const CTP = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
const PROXY = { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
const LOAD = { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };

const drained = (server: string) => [
  `${server} Restart-Service MSExchangeIMAP4BE`,
  `${server} Set-MailboxServer true`,
  `${server} Restart-Computer`,
];

export const SCENARIOS: Scenario[] = [
  // "ImapTestDeepMonitor and ImapSelfTestMonitor": mailbox servers, and servers that are both.
  ...['mbx1', 'mbx2', 'ex1'].flatMap((server): Scenario[] => [
    {
      says: `deep and self test on ${server}: the first restart cures it`,
      faults: [{ fault: 'imap-backend-hang', server }],
      alert: { server, ...SELF_TEST },
      changes: [`${server} Restart-Service MSExchangeIMAP4BE`],
      outcome: 'recovered',
    },
    {
      says: `deep and self test on ${server}: moving the databases cures it; the page restarts the server all the same`,
      faults: [{ fault: 'imap-store-stuck', server }],
      alert: { server, healthSet: 'IMAP.Protocol', monitor: 'ImapDeepTestMonitor' },
      changes: [...drained(server), `${server} Set-MailboxServer false`],
      outcome: 'recovered',
    },
    {
      says: `deep and self test on ${server}: the reboot cures it, and activation is allowed again`,
      faults: [{ fault: 'imap-backend-wedged', server }],
      alert: { server, ...SELF_TEST },
      changes: [...drained(server), `${server} Set-MailboxServer false`],
      outcome: 'recovered',
    },
    {
      says: `deep and self test on ${server}: nothing cures it; it stays drained, and says so`,
      faults: [{ fault: 'unfixable', healthSet: 'IMAP.Protocol', server }],
      alert: { server, ...SELF_TEST },
      changes: drained(server),
      outcome: 'escalated',
      because: 'Microsoft support',
      left: 1,
    },
  ]),
  // "ImapProxyTestMonitor": client access servers, and servers that are both (drained first: our erratum 16).
  {
    says: 'proxy test on cas1: the restart cures it',
    faults: [{ fault: 'imap-proxy-hang', server: 'cas1' }],
    alert: { server: 'cas1', ...PROXY },
    changes: ['cas1 Restart-Service MSExchangeIMAP4'],
    outcome: 'recovered',
  },
  {
    says: 'proxy test on cas1: the reboot cures it',
    faults: [{ fault: 'imap-proxy-wedged', server: 'cas1' }],
    alert: { server: 'cas1', ...PROXY },
    changes: ['cas1 Restart-Service MSExchangeIMAP4', 'cas1 Restart-Computer'],
    outcome: 'recovered',
  },
  {
    says: 'proxy test on cas2: nothing cures it',
    faults: [{ fault: 'unfixable', healthSet: 'IMAP.Proxy', server: 'cas2' }],
    alert: { server: 'cas2', ...PROXY },
    changes: ['cas2 Restart-Service MSExchangeIMAP4', 'cas2 Restart-Computer'],
    outcome: 'escalated',
    left: 0,
  },
  {
    says: 'proxy test on ex1, which holds databases: drained before the reboot, allowed again after',
    faults: [{ fault: 'imap-proxy-wedged', server: 'ex1' }],
    alert: { server: 'ex1', ...PROXY },
    changes: [
      'ex1 Restart-Service MSExchangeIMAP4',
      'ex1 Set-MailboxServer true',
      'ex1 Restart-Computer',
      'ex1 Set-MailboxServer false',
    ],
    outcome: 'recovered',
  },
  // "ImapCTPMonitor": the client access server, and the mailbox server behind it.
  {
    says: 'customer touch point on cas1: restarting the back end behind it cures it',
    faults: [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2', backendFault: 'imap-backend-hang' }],
    alert: { server: 'cas1', ...CTP },
    changes: ['mbx2 Restart-Service MSExchangeIMAP4BE'],
    outcome: 'recovered',
  },
  {
    says: 'customer touch point on cas1: the mailbox server is treated by the deep-test procedure, the log put back',
    faults: [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' }],
    alert: { server: 'cas1', ...CTP },
    changes: [
      'mbx2 Restart-Service MSExchangeIMAP4BE',
      'cas1 Set-ImapSettings true',
      'mbx2 Restart-Service MSExchangeIMAP4BE',
      ...drained('mbx2'),
      'mbx2 Set-MailboxServer false',
      'cas1 Set-ImapSettings false',
      'cas1 Restart-Service MSExchangeIMAP4',
    ],
    outcome: 'recovered',
  },
  {
    says: 'customer touch point on cas1: the mailbox server is healthy, the reboot of the client access server cures it',
    faults: [
      { fault: 'unhealthy', server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor', cure: 'restart-server' },
    ],
    alert: { server: 'cas1', ...CTP },
    changes: [
      'mbx3 Restart-Service MSExchangeIMAP4BE',
      'cas1 Set-ImapSettings true',
      'mbx3 Restart-Service MSExchangeIMAP4BE',
      'cas1 Restart-Computer',
      'cas1 Set-ImapSettings false',
      'cas1 Restart-Service MSExchangeIMAP4',
    ],
    outcome: 'recovered',
  },
  // "AverageCommandProcessingTimeGt60sMonitor": judged by its row, since it has no probe.
  {
    says: 'load on cas1: the restart cures it, and it stays so for twenty minutes',
    faults: [{ fault: 'imap-slow', server: 'cas1' }],
    alert: { server: 'cas1', ...LOAD },
    changes: ['cas1 Restart-Service MSExchangeIMAP4'],
    outcome: 'recovered',
  },
  {
    says: 'load on mbx1: the restart cures it',
    faults: [{ fault: 'imap-slow', server: 'mbx1' }],
    alert: { server: 'mbx1', ...LOAD },
    changes: ['mbx1 Restart-Service MSExchangeIMAP4BE'],
    outcome: 'recovered',
  },
  {
    says: 'load on ex1: both services are restarted',
    faults: [{ fault: 'imap-slow', server: 'ex1' }],
    alert: { server: 'ex1', ...LOAD },
    changes: ['ex1 Restart-Service MSExchangeIMAP4BE', 'ex1 Restart-Service MSExchangeIMAP4'],
    outcome: 'recovered',
  },
  {
    says: 'load on cas1 comes back after twelve minutes: the watch fails, and the server is rebooted',
    faults: [{ fault: 'imap-slow-relapse', server: 'cas1' }],
    alert: { server: 'cas1', ...LOAD },
    changes: ['cas1 Restart-Service MSExchangeIMAP4', 'cas1 Restart-Computer'],
    outcome: 'recovered',
  },
  {
    says: 'load on mbx1 comes back: drained, rebooted, watched, and allowed again',
    faults: [{ fault: 'imap-slow-relapse', server: 'mbx1' }],
    alert: { server: 'mbx1', ...LOAD },
    changes: [...drained('mbx1'), 'mbx1 Set-MailboxServer false'],
    outcome: 'recovered',
  },
  {
    says: 'load on ex1: nothing cures it',
    faults: [{ fault: 'unfixable', healthSet: 'IMAP', monitor: LOAD.monitor, server: 'ex1' }],
    alert: { server: 'ex1', ...LOAD },
    changes: [
      'ex1 Restart-Service MSExchangeIMAP4BE',
      'ex1 Restart-Service MSExchangeIMAP4',
      'ex1 Set-MailboxServer true',
      'ex1 Restart-Computer',
    ],
    outcome: 'escalated',
    left: 1,
  },
  {
    says: 'load on cas1, by a monitor that no clock drives: the restart cures it, and it stays so for twenty minutes',
    faults: [
      { fault: 'row', server: 'cas1', ...LOAD, every: '0s' },
      { fault: 'imap-slow', server: 'cas1' },
    ],
    alert: { server: 'cas1', ...LOAD },
    changes: ['cas1 Restart-Service MSExchangeIMAP4'],
    outcome: 'recovered',
  },
  {
    says: 'load on ex1, by monitors that no clock drives: nothing cures it',
    faults: [
      { fault: 'row', server: 'ex1', healthSet: 'IMAP', every: '0s' },
      { fault: 'unfixable', healthSet: 'IMAP', monitor: LOAD.monitor, server: 'ex1' },
    ],
    alert: { server: 'ex1', ...LOAD },
    changes: [
      'ex1 Restart-Service MSExchangeIMAP4BE',
      'ex1 Restart-Service MSExchangeIMAP4',
      'ex1 Set-MailboxServer true',
      'ex1 Restart-Computer',
    ],
    outcome: 'escalated',
    left: 1,
  },
  // What must not be done.
  {
    says: 'a monitor that somebody has switched off is no reason to act, whatever its probe says',
    faults: [
      { fault: 'imap-proxy-hang', server: 'cas1' },
      { fault: 'row', server: 'cas1', ...PROXY, value: 'Disabled' },
    ],
    alert: { server: 'cas1', ...PROXY },
    changes: [],
    outcome: 'escalated',
    because: 'could not be verified',
  },
  {
    says: 'a trouble that has passed changes nothing',
    faults: [{ fault: 'transient', server: 'mbx1' }],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: [],
    outcome: 'transient',
  },
  {
    says: 'a server with single-copy databases is never rebooted, and the databases are named',
    faults: [{ fault: 'imap-backend-wedged', server: 'mbx9' }],
    alert: { server: 'mbx9', ...SELF_TEST },
    changes: ['mbx9 Restart-Service MSExchangeIMAP4BE'],
    outcome: 'escalated',
    because: 'DB9',
    left: 0,
  },
  {
    says: 'a database that will not move is named, and the server is not rebooted',
    faults: [
      { fault: 'imap-backend-wedged', server: 'mbx1' },
      { fault: 'will-not-move', server: 'mbx1' },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: ['mbx1 Restart-Service MSExchangeIMAP4BE', 'mbx1 Set-MailboxServer true'],
    outcome: 'escalated',
    because: 'DB',
    left: 1,
  },
  {
    says: 'a server that does not come back from its reboot is reported',
    faults: [
      { fault: 'imap-backend-wedged', server: 'mbx1' },
      { fault: 'never-returns', server: 'mbx1' },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: drained('mbx1'),
    outcome: 'escalated',
    because: 'not back',
    left: 1,
  },
  {
    says: 'a problem that no probe and no fresh row can show leads to no change',
    faults: [
      { fault: 'imap-backend-hang', server: 'mbx1' },
      { fault: 'no-object', probe: 'ImapSelfTestProbe' },
      { fault: 'no-object', probe: 'ImapDeepTestProbe' },
      { fault: 'stale-rows', server: 'mbx1' },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: [],
    outcome: 'escalated',
    because: 'could not be verified',
  },
  {
    says: 'a restart that is refused is not repeated and not followed by anything harsher',
    faults: [
      { fault: 'imap-backend-hang', server: 'mbx1' },
      { fault: 'refuse', command: 'Restart-Service' },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: [],
    outcome: 'escalated',
    because: 'refused',
  },
  {
    says: 'a restart whose answer is lost is seen to have happened, and not sent again',
    faults: [
      { fault: 'imap-backend-hang', server: 'mbx1' },
      { fault: 'drop-after-effect', command: 'Restart-Service', times: 1 },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: ['mbx1 Restart-Service MSExchangeIMAP4BE'],
    outcome: 'recovered',
  },
  {
    says: 'a reboot whose answer is lost is not sent again',
    faults: [
      { fault: 'imap-backend-wedged', server: 'mbx1' },
      { fault: 'drop-after-effect', command: 'Restart-Computer', times: 1 },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    changes: [...drained('mbx1'), 'mbx1 Set-MailboxServer false'],
    outcome: 'recovered',
  },
  {
    says: 'a service that hangs while stopping is left to the next cure',
    faults: [
      { fault: 'imap-backend-wedged', server: 'mbx1' },
      { fault: 'stop-hangs', service: 'MSExchangeIMAP4BE', server: 'mbx1', times: 1 },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
    // The restart never came about: the lab's log does not count it as a change.
    changes: [...drained('mbx1').slice(1), 'mbx1 Set-MailboxServer false'],
    outcome: 'recovered',
  },
];
