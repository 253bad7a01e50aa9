import type { Instant } from './alert.ts';
import { sameName } from './names.ts';

/** A monitor of one server. Its name alone is not unique: RequestsQueuedGt500Monitor exists in IMAP and in ActiveSync. */
export interface MonitorRef {
  healthSet: string;
  monitor: string;
  targetResource?: string;
}

/** `IMAP.Protocol\ImapDeepTestMonitor\MSExchangeImap4BE`, the form Exchange itself writes. */
export function monitorName(ref: MonitorRef): string {
  return [ref.healthSet, ref.monitor, ref.targetResource].filter(Boolean).join('\\');
}

/** The parts of a name that `monitorName` wrote, or of its beginning; a part that is missing or empty is absent. */
export function monitorParts(written: string): Partial<MonitorRef> {
  const [healthSet, monitor, targetResource] = written.split('\\');
  return { ...(healthSet && { healthSet }), ...(monitor && { monitor }), ...(targetResource && { targetResource }) };
}

/** Whether it is the same monitor, ignoring case, and ignoring the target resource if `pattern` has none. */
export function isMonitor(pattern: MonitorRef, ref: MonitorRef): boolean {
  return (
    sameName(pattern.healthSet, ref.healthSet) &&
    sameName(pattern.monitor, ref.monitor) &&
    (pattern.targetResource === undefined || sameName(pattern.targetResource, ref.targetResource ?? ''))
  );
}

/** Whether notifications or checks, not a schedule, set the monitor of a row; it keeps its value until the next one. */
export function isEventDriven({ recurrenceSeconds }: { recurrenceSeconds?: number }): boolean {
  return recurrenceSeconds === 0;
}

/** A change of ours, from its journal entry to the moment it was found complete. */
export interface OurChange {
  began: Instant;
  ended: Instant;
}

export type Verdict = 'confirmed' | 'cleared' | 'inconclusive';

/** One observation: what was queried and its answer. */
export interface Evidence {
  kind: 'health-row' | 'probe' | 'copies' | 'service' | 'note';
  at: Instant;
  server: string;
  /** The monitor that this is evidence about, if any. */
  monitor?: string;
  /** For people: `ImapSelfTestProbe answered Failed`. */
  says: string;
  /** `nothing`: it could not be determined. */
  sees: 'healthy' | 'unhealthy' | 'nothing';
  /** Exchange's own words: the probe's error, warnings. */
  detail?: string;
  /** The mailbox server that the probe's error named (`_Mbx:`), validated against the organisation. */
  backEnd?: string;
}

/** One monitor's verdict in a verification. */
export interface MonitorVerdict extends MonitorRef {
  verdict: Verdict;
}

/** The result of verifying a health-set family on a server. */
export interface VerifyResult {
  verdict: Verdict;
  /** In one sentence, for people. */
  reason: string;
  monitors: MonitorVerdict[];
  evidence: Evidence[];
  /** The unhealthy back end that probes named: problems of a client access server often originate there. */
  backEnd?: string;
  /**
   * What alerts report and could not be verified, one sentence each. While set, other healthy monitors don't end the
   * incident.
   */
  unverified?: string[];
  /** Set if another verification can't help: the server is not in the organisation. */
  hopeless?: boolean;
}

/** A server as the organisation describes it; decides which steps of a playbook apply. */
export interface ServerFacts {
  server: string;
  fqdn: string;
  roles: Role[];
  /** `15.0` is Exchange 2013, `15.1` 2016, `15.2` 2019 and SE. */
  version: string;
  site: string;
  /** The database availability group, if it is a member of one. */
  dag?: string;
  /** The group in which disruptive actions run one at a time: the DAG, or `cas:<site>` for client access servers. */
  group?: string;
  /** Id of the organisation this was read from; a reset lab gets another. */
  organisation: string;
}

export type Role = 'mailbox' | 'client-access';

/**
 * The group in which disruptive actions run one at a time: the server's DAG, or the client access servers of its site.
 */
export function groupOf(facts: ServerFacts): string | undefined {
  if (facts.group) return facts.group;
  if (facts.dag) return facts.dag;
  return facts.roles.includes('client-access') ? `cas:${facts.site}` : undefined;
}
