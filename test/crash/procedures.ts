export interface Procedure {
  says: string;
  /** The playbook that handles its alert. */
  playbook: string;
  fault: Record<string, string>;
  alert: { server: string; healthSet: string; monitor: string };
}

/** The procedures of the page, each with a trouble that only its harshest step cures. */
export const PROCEDURES: readonly Procedure[] = [
  {
    says: 'deep and self test of mbx1, rebooted',
    playbook: 'imap-protocol',
    fault: { fault: 'imap-backend-wedged', server: 'mbx1' },
    alert: { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  },
  {
    says: 'deep and self test of ex1 (both roles), rebooted',
    playbook: 'imap-protocol',
    fault: { fault: 'imap-backend-wedged', server: 'ex1' },
    alert: { server: 'ex1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  },
  {
    says: 'proxy test of cas1, rebooted',
    playbook: 'imap-proxy',
    fault: { fault: 'imap-proxy-wedged', server: 'cas1' },
    alert: { server: 'cas1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' },
  },
  {
    says: 'customer touch point of cas1, mbx2 behind it rebooted',
    playbook: 'imap-ctp',
    fault: { fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' },
    alert: { server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' },
  },
  {
    says: 'load on ex1, rebooted after a relapse',
    playbook: 'imap-load',
    fault: { fault: 'imap-slow-relapse', server: 'ex1' },
    alert: { server: 'ex1', healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' },
  },
];
