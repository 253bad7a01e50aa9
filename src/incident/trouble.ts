import { type Looked, type MonitorRef, monitorName } from './health.ts';

/**
 * The names under which the store counts which servers have the same trouble at a time: a monitor's; and a family's,
 * by what is known of it: alerted and not looked at yet, seen to be sick, not to be seen.
 */
export const troubleOf = {
  monitor: ({ healthSet, monitor }: MonitorRef) => monitorName({ healthSet, monitor }).toLowerCase(),
  alerted: (family: string) => `alerted ${family.toLowerCase()}`,
  sick: (family: string) => `sick ${family.toLowerCase()}`,
  unseen: (family: string) => `unseen ${family.toLowerCase()}`,
};

/** What a look shows to be wrong, and what it shows to be over. */
export function troublesSeen(
  family: string,
  looked: Looked,
  before: Looked | undefined,
): { seen: string[]; gone: string[] } {
  const monitors = (look: Looked | undefined) =>
    (look?.monitors ?? []).filter((one) => one.verdict === 'confirmed').map(troubleOf.monitor);
  const seen = new Set(monitors(looked));
  if (looked.verdict === 'confirmed') seen.add(troubleOf.sick(family));
  if (looked.verdict === 'inconclusive') seen.add(troubleOf.unseen(family));
  const possible = [troubleOf.alerted(family), troubleOf.sick(family), troubleOf.unseen(family), ...monitors(before)];
  // What could not be seen is not over.
  const gone = looked.verdict === 'inconclusive' ? [troubleOf.alerted(family)] : possible;
  return { seen: [...seen], gone: [...new Set(gone)].filter((name) => !seen.has(name)) };
}

/** More than a part of a group's servers; one alone never is. */
export function isOverShare(ill: number, members: number, { share }: { share: number }): boolean {
  return ill >= 2 && ill > members * share;
}
