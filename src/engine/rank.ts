import type { Alert } from '../incident/alert.ts';
import type { Incident } from '../incident/incident.ts';
import type { Catalog } from '../verification/catalog.ts';

/** How basic what an incident is about is: of its alerts the most basic. The lower, the earlier it is served. */
export function rankOf(catalog: Catalog, { alerts, family }: Pick<Incident, 'alerts' | 'family'>): number {
  const told: Pick<Alert, 'healthSet'>[] = alerts.length > 0 ? alerts : [{ healthSet: family }];
  return Math.min(...told.map(({ healthSet }) => catalog.layer(healthSet)));
}
