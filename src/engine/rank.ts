import type { Alert } from '../incident/alert.ts';
import type { Incident } from '../incident/incident.ts';
import type { Catalog } from '../verification/catalog.ts';

/** More than the number of layers. */
const HELD = 10;

/**
 * The order in which incidents are served, lowest first: the most basic of their alerts counts. An incident that a
 * guard holds comes after all others: it can't continue yet, and may be waiting for them. In a storm, polling the many
 * waiting ones would leave no session for the others.
 */
export function rankOf(
  catalog: Catalog,
  { alerts, family, held }: Pick<Incident, 'alerts' | 'family' | 'held'>,
): number {
  const alerted: Pick<Alert, 'healthSet'>[] = alerts.length > 0 ? alerts : [{ healthSet: family }];
  const layers = alerted.map(({ healthSet }) => catalog.layer(healthSet));
  return Math.min(...layers) + (held ? HELD : 0);
}
