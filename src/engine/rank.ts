import type { Alert } from '../incident/alert.ts';
import type { Incident } from '../incident/incident.ts';
import type { Catalog } from '../verification/catalog.ts';

/** More than there are layers. */
const HELD = 10;

/**
 * The lower, the earlier an incident is served: how basic the most basic of its alerts is. One that a guard holds comes
 * after all that are not: it can't go on yet, and may wait for just those to be looked at. In a storm, asking again and
 * again for the many that wait would leave no session for them.
 */
export function rankOf(
  catalog: Catalog,
  { alerts, family, held }: Pick<Incident, 'alerts' | 'family' | 'held'>,
): number {
  const told: Pick<Alert, 'healthSet'>[] = alerts.length > 0 ? alerts : [{ healthSet: family }];
  const layers = told.map(({ healthSet }) => catalog.layer(healthSet));
  return Math.min(...layers) + (held ? HELD : 0);
}
