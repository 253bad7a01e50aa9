import { type MonitorRef, monitorName, type VerifyResult } from './health.ts';
import type { Incident } from './incident.ts';
import type { Outcome } from './outcome.ts';

/**
 * Names under which the store counts servers with the same problem at a time: one per monitor, and for a family one per
 * state: an incident is open, alerted but not yet verified, unhealthy, or not verifiable.
 */
export const troubleOf = {
  monitor: ({ healthSet, monitor }: MonitorRef) => monitorName({ healthSet, monitor }).toLowerCase(),
  /** An incident about it is open, however old. */
  open: (family: string) => `open ${family.toLowerCase()}`,
  alerted: (family: string) => `alerted ${family.toLowerCase()}`,
  unhealthy: (family: string) => `sick ${family.toLowerCase()}`,
  unseen: (family: string) => `unseen ${family.toLowerCase()}`,
};

/** Problems that a verification found, and those it found to be gone. */
export function troublesSeen(
  { family, runs, verified: before }: Pick<Incident, 'family' | 'runs' | 'verified'>,
  verified: Pick<VerifyResult, 'verdict' | 'monitors' | 'unverified'>,
): { seen: string[]; gone: string[] } {
  const unhealthy = verified.monitors.filter((one) => one.verdict === 'confirmed');
  const seen = new Set(unhealthy.map(troubleOf.monitor));
  const known = [...runs.flatMap((run) => run.handles), ...(before?.monitors ?? [])].map(troubleOf.monitor);
  if (verified.verdict === 'confirmed') seen.add(troubleOf.unhealthy(family));
  if (verified.verdict === 'inconclusive' || verified.unverified) seen.add(troubleOf.unseen(family));
  const possible = [troubleOf.alerted(family), troubleOf.unhealthy(family), troubleOf.unseen(family), ...known];
  // An inconclusive verification does not show that a problem is gone.
  const gone = verified.verdict === 'inconclusive' ? [troubleOf.alerted(family)] : possible;
  return { seen: [...seen], gone: [...new Set(gone)].filter((name) => !seen.has(name)) };
}

/**
 * What ends with an incident: it is no longer open, and its problems are gone if it ended well. A server whose incident
 * ends as a duplicate is still unhealthy, and still counts towards a common cause.
 */
export function troublesOver(incident: Incident, outcome: Outcome): { seen: string[]; gone: string[] } {
  const open = troubleOf.open(incident.family);
  if (outcome !== 'recovered' && outcome !== 'transient') return { seen: [], gone: [open] };
  return { seen: [], gone: [open, ...troublesSeen(incident, { verdict: 'cleared', monitors: [] }).gone] };
}

/** Whether unhealthy servers are more than this share of a group; a single one never is. */
export function isOverShare(unhealthy: number, members: number, { share }: { share: number }): boolean {
  return unhealthy >= 2 && unhealthy > members * share;
}
