import { type MonitorRef, monitorName, type VerifyResult } from './health.ts';
import type { Incident } from './incident.ts';
import type { Outcome } from './outcome.ts';

/**
 * The names under which the store counts which servers have the same trouble at a time: a monitor's; and a family's,
 * by what is known of it: alerted and not looked at yet, seen to be sick, not to be seen.
 */
export const troubleOf = {
  monitor: ({ healthSet, monitor }: MonitorRef) => monitorName({ healthSet, monitor }).toLowerCase(),
  /** An incident about it is open, since whenever. */
  open: (family: string) => `open ${family.toLowerCase()}`,
  alerted: (family: string) => `alerted ${family.toLowerCase()}`,
  sick: (family: string) => `sick ${family.toLowerCase()}`,
  unseen: (family: string) => `unseen ${family.toLowerCase()}`,
};

/** What a look shows to be wrong, and what it shows to be over. */
export function troublesSeen(
  { family, runs, verified: before }: Pick<Incident, 'family' | 'runs' | 'verified'>,
  verified: Pick<VerifyResult, 'verdict' | 'monitors' | 'unverified'>,
): { seen: string[]; gone: string[] } {
  const sick = verified.monitors.filter((one) => one.verdict === 'confirmed');
  const seen = new Set(sick.map(troubleOf.monitor));
  const known = [...runs.flatMap((run) => run.handles), ...(before?.monitors ?? [])].map(troubleOf.monitor);
  if (verified.verdict === 'confirmed') seen.add(troubleOf.sick(family));
  if (verified.verdict === 'inconclusive' || verified.unverified) seen.add(troubleOf.unseen(family));
  const possible = [troubleOf.alerted(family), troubleOf.sick(family), troubleOf.unseen(family), ...known];
  // What could not be seen is not over.
  const gone = verified.verdict === 'inconclusive' ? [troubleOf.alerted(family)] : possible;
  return { seen: [...seen], gone: [...new Set(gone)].filter((name) => !seen.has(name)) };
}

/**
 * What is over on a server when its incident ends: that it is open; and all that was seen, where it ended well. One that
 * ends as another tells of it is as sick as before, and still counts for the common cause.
 */
export function troublesOver(incident: Incident, outcome: Outcome): { seen: string[]; gone: string[] } {
  const open = troubleOf.open(incident.family);
  if (outcome !== 'recovered' && outcome !== 'transient') return { seen: [], gone: [open] };
  return { seen: [], gone: [open, ...troublesSeen(incident, { verdict: 'cleared', monitors: [] }).gone] };
}

/** More than a part of a group's servers; one alone never is. */
export function isOverShare(ill: number, members: number, { share }: { share: number }): boolean {
  return ill >= 2 && ill > members * share;
}
