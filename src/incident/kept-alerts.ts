import { type Alert, familyOf, incidentKey } from './alert.ts';
import { cut } from './cut.ts';
import type { Incident } from './incident.ts';

/** An incident always keeps its first alerts and the latest ones. */
const FIRST = 50;
const LAST = 10;
/** Real milliseconds after which another alert of the same kind is kept, so that the journal stays current. */
const KEPT_AGAIN = 5 * 60_000;
/** Beyond this many, alerts about other problems and changes of maintenance mode are no longer kept immediately. */
const MOST = 200;
/** The first alerts keep their whole text; later ones mostly repeat it. */
const WHOLE_TEXTS = 10;
const SHORT_TEXT = 1_000;

export interface KeptAlerts {
  alerts: readonly Alert[];
  alertCount: number;
}

/** The alerts that an incident keeps: the first, the latest, and the latest of each kind. */
export function keep(alerts: readonly Alert[], news: readonly Alert[]): Alert[] {
  const all = [...alerts, ...news];
  if (all.length <= FIRST + LAST) return all;
  const lastOfKind = new Set(new Map(all.map((alert, at) => [kindOf(alert), at])).values());
  return all.filter((_, at) => at < FIRST || at >= all.length - LAST || lastOfKind.has(at));
}

/**
 * Whether one more alert is kept in the journal or only counted. `elsewhere`: it is about another problem that no kept
 * alert covers, and needs its own incident.
 */
export function roomFor(alert: Alert, incident: Pick<Incident, 'server' | 'family'> & KeptAlerts) {
  const { alerts, alertCount } = incident;
  if (alertCount < FIRST) return 'kept';
  const before = alerts.findLast((one) => kindOf(one) === kindOf(alert));
  const isOwn = matterOf(alert) === incidentKey(incident.server, incident.family);
  if (!before && (isOwn || alertCount < MOST)) return 'kept';
  if (before && alert.receivedAt - before.receivedAt >= KEPT_AGAIN) return 'kept';
  if (alertCount < MOST && changesMaintenance(alert, alerts)) return 'kept';
  return before || isOwn || alert.status === 'resolved' ? 'counted' : 'elsewhere';
}

/** An alert in the form that is kept after `alertCount` others. */
export function asKept(alert: Alert, alertCount: number): Alert {
  if (alertCount < WHOLE_TEXTS || alert.description === undefined) return alert;
  return { ...alert, description: shorten(alert.description, SHORT_TEXT) };
}

/** The beginning of a long text, and the number of missing characters. */
export const shorten = (text: string, limit: number): string =>
  cut(text, limit, (missing) => `… (${missing} more characters)`);

const kinds = new WeakMap<Alert, string>();

/** Alerts of one kind report the same about the same problem. */
function kindOf(alert: Alert): string {
  const known = kinds.get(alert);
  if (known !== undefined) return known;
  const kind = `${matterOf(alert)} ${alert.status} ${alert.inMaintenance ?? ''}`;
  kinds.set(alert, kind);
  return kind;
}

function matterOf({ server, healthSet }: Alert): string {
  return incidentKey(server, familyOf(healthSet));
}

function changesMaintenance({ inMaintenance }: Alert, alerts: readonly Alert[]): boolean {
  const before = alerts.findLast((one) => one.inMaintenance !== undefined)?.inMaintenance;
  return inMaintenance !== undefined && inMaintenance !== before;
}
