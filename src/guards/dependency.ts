import { familyOf } from '../incident/alert.ts';
import { sameName } from '../incident/names.ts';
import type { HealthRow } from '../ports/exchange.ts';
import type { Catalog } from '../verification/catalog.ts';
import { ALLOW, type Guard, type GuardContext } from './guard.ts';

/**
 * Waits while something that this health set depends on is unhealthy itself or is being handled: a restart here would
 * not help.
 */
export const dependency: Guard = {
  name: 'dependency',
  reasons: ['dependency-unhealthy', 'more-basic-incident'],
  requires: 'the health sets that this one depends on are healthy, and no more basic incident is open on the server',
  async judge(context) {
    const { incident, target, exchange, signal } = context;
    const needs = needsOf(context);
    const others = (await context.store.openOn(target.server)).filter(
      ({ incident: id }) => id !== incident.id && id !== incident.parent?.incident && !incident.children.includes(id),
    );
    // Once this incident has changed the server, it keeps it until the end: another incident may be waiting for it.
    const mayWaitForUs = (family: string) => incident.changed && others.some((other) => sameName(other.family, family));

    if (!incident.changed) {
      const basic = others.find(({ family }) => isMoreBasic(context.catalog, family, incident.family, needs));
      if (basic) {
        const says = `Incident ${basic.incident} about ${basic.family} is open on ${target.server}: it is more basic, and comes first`;
        return { answer: 'wait', reason: 'more-basic-incident', says };
      }
    }
    if (needs.size === 0) return ALLOW;
    const { value: rows } = await exchange.serverHealth(target.server, { signal });
    const unhealthy = rows.find((row) => isUnhealthy(row) && needs.has(row.healthSet.toLowerCase()));
    if (!unhealthy || mayWaitForUs(familyOf(unhealthy.healthSet))) return ALLOW;
    const says = `${unhealthy.healthSet} is unhealthy on ${target.server} (${unhealthy.name}), and ${incident.family} depends on it`;
    return { answer: 'wait', reason: 'dependency-unhealthy', says };
  },
};

/** All direct and indirect dependencies of the health sets that this run treats, except those of their own family. */
function needsOf({ run, catalog, incident }: GuardContext): Set<string> {
  const entries = new Map(catalog.healthSets().map((entry) => [entry.name.toLowerCase(), entry]));
  const needs = new Set<string>();
  const add = (healthSet: string): void => {
    for (const need of entries.get(healthSet.toLowerCase())?.dependsOn ?? []) {
      if (needs.has(need.toLowerCase())) continue;
      needs.add(need.toLowerCase());
      add(need);
    }
  };
  for (const { healthSet } of run.handles) add(healthSet);
  for (const need of needs) if (sameName(familyOf(need), incident.family)) needs.delete(need);
  return needs;
}

const LAYERS = ['KeyDependencies', 'ServerResources', 'ServiceComponents', 'CustomerTouchPoints'];

/** Whether this family depends on the other, or the other is in a lower layer of Exchange's own grouping. */
function isMoreBasic(catalog: Catalog, other: string, own: string, needs: ReadonlySet<string>): boolean {
  const theirs = layerOf(catalog, other);
  const ours = layerOf(catalog, own);
  return needs.has(other.toLowerCase()) || (theirs !== undefined && ours !== undefined && theirs < ours);
}

/** The lowest layer of a family; undefined if it is not in the catalog. */
function layerOf(catalog: Catalog, family: string): number | undefined {
  const layers = catalog
    .healthSets()
    .filter((entry) => sameName(entry.family, family))
    .map((entry) => LAYERS.indexOf(entry.group));
  return layers.length > 0 ? Math.min(...layers) : undefined;
}

const isUnhealthy = (row: HealthRow) => row.alertValue === 'Unhealthy' && !row.isStale;
