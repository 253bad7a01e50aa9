import { sameName } from '../incident/names.ts';
import type { HealthRow } from '../ports/exchange.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { RecordedProbe } from './recording.ts';

/** The probes that the catalog links to existing rows, with the identities that the daemon would use; each once. */
export function probesOf(rows: readonly HealthRow[], catalog: Pick<Catalog, 'find'>): Omit<RecordedProbe, 'answer'>[] {
  const found = new Map<string, Omit<RecordedProbe, 'answer'>>();
  for (const { healthSet, name, targetResource } of rows) {
    const probe = catalog.find(healthSet, name)?.probe;
    if (!probe) continue;
    const twins = rows.filter((row) => sameName(row.healthSet, healthSet) && sameName(row.name, name)).length > 1;
    const identity = `${probe.healthSet}\\${probe.name}${twins && targetResource ? `\\${targetResource}` : ''}`;
    const key = identity.toLowerCase();
    if (!found.has(key)) found.set(key, { identity, monitor: { healthSet, name, targetResource } });
  }
  return [...found.values()];
}
