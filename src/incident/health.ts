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

/** Same monitor whatever the case, and whatever the target resource when `pattern` names none. */
export function isMonitor(pattern: MonitorRef, ref: MonitorRef): boolean {
  return (
    sameName(pattern.healthSet, ref.healthSet) &&
    sameName(pattern.monitor, ref.monitor) &&
    (pattern.targetResource === undefined || sameName(pattern.targetResource, ref.targetResource ?? ''))
  );
}

/** No clock drives the monitor of a row: a notification or a check sets it, and it stays so until the next one. */
export function isEventDriven({ recurrenceSeconds }: { recurrenceSeconds?: number }): boolean {
  return recurrenceSeconds === 0;
}

/** A change of ours, from the moment it was written down to the moment it was seen to be over. */
export interface OurChange {
  began: Instant;
  ended: Instant;
}

export type Verdict = 'confirmed' | 'cleared' | 'inconclusive';

/** One thing that was looked at, and what it said. */
export interface Evidence {
  kind: 'health-row' | 'probe' | 'copies' | 'service' | 'note';
  at: Instant;
  server: string;
  /** Where it applies: the monitor that this judges. */
  monitor?: string;
  /** In words: `ImapSelfTestProbe answered Failed`. */
  says: string;
  /** `healthy`, `unhealthy`, or `nothing` when it could not be seen. */
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

/** The result of looking at a health-set family on a server. */
export interface VerifyResult {
  verdict: Verdict;
  /** In one sentence, for people. */
  reason: string;
  monitors: MonitorVerdict[];
  evidence: Evidence[];
  /** The sick back end that probes named; a client access server's trouble often lies there. */
  backEnd?: string;
  /** What alerts report that no look could see, each in a sentence: it is not over because the rest is healthy. */
  unverified?: string[];
  /** Set when looking again cannot help: the server is not in the organisation. */
  hopeless?: boolean;
}

/** What the organisation says of a server; decides which steps of a playbook apply to it. */
export interface ServerFacts {
  server: string;
  fqdn: string;
  roles: Role[];
  /** `15.0` is Exchange 2013, `15.1` 2016, `15.2` 2019 and SE. */
  version: string;
  site: string;
  /** The database availability group, where it is a member. */
  dag?: string;
  /** What disruptive actions are serialised over: the DAG, or `cas:<site>` for client access servers. */
  group?: string;
  /** Which organisation this was read from: a lab that is reset becomes another. */
  organisation: string;
}

export type Role = 'mailbox' | 'client-access';

/** What disruptive actions on this server are serialised over: its DAG, or the client access servers of its site. */
export function groupOf(facts: ServerFacts): string | undefined {
  if (facts.group) return facts.group;
  if (facts.dag) return facts.dag;
  return facts.roles.includes('client-access') ? `cas:${facts.site}` : undefined;
}
