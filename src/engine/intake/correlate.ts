import { type Alert, familyOf, incidentKey, shortName } from '../../incident/alert.ts';
import { asKept, keep, roomFor } from '../../incident/kept-alerts.ts';
import { Stale } from '../../ports/journal.ts';
import { append } from '../append.ts';
import { serverMeant } from '../organisation.ts';
import type { Engine } from '../parts.ts';
import { rankOf } from '../rank.ts';
import { readIncident } from '../read-incident.ts';
import { wake } from '../wake.ts';
import { newId, open } from './open.ts';

/**
 * Assigns an accepted alert to its incident: the open one with its key, the open one that is disrupting its server, or
 * a new one. Alerts that change nothing are dropped: repeats, and `resolved` without an incident. Concurrent alerts
 * about one problem are recorded together, in one entry of its journal.
 */
export async function correlate(engine: Engine, alertId: string): Promise<void> {
  const pending = await engine.store.pendingAlert(alertId);
  if (!pending) return;
  const server = await serverMeant(engine, pending.alert);
  if (server === undefined) return engine.store.dropPending(alertId);
  const key = incidentKey(server, familyOf(pending.alert.healthSet));
  await engine.correlating.run(key, alertId, (ids) => placeAll(engine, key, server, ids));
}

interface Pending {
  alert: Alert;
  repeat: boolean;
}

/** The alert with this one of its names as its server. */
function about(alert: Alert, server: string): Alert {
  if (alert.server === server) return alert;
  const name = alert.otherServers?.find((other) => shortName(other) === server) ?? server;
  const others = [alert.serverAsSent, ...(alert.otherServers ?? [])].filter((other) => other !== name);
  return { ...alert, server, serverAsSent: name, otherServers: others };
}

/** Repeats until all are assigned: others may write at the same time or take one of them. */
async function placeAll(engine: Engine, key: string, server: string, ids: string[]): Promise<void> {
  for (;;) {
    const found = await Promise.all([...new Set(ids)].map((id) => engine.store.pendingAlert(id)));
    const pending = found.flatMap((one) => (one ? [{ ...one, alert: about(one.alert, server) }] : []));
    if (pending.length === 0) return;
    try {
      await place(engine, key, pending);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
}

/** One step towards assigning all: joins them, drops those that change nothing, or opens an incident for the first. */
async function place(engine: Engine, key: string, pending: Pending[]): Promise<void> {
  const { store, clock } = engine;
  const [first] = pending;
  if (!first) return;
  const { open, disrupting } = await store.correlate(key, shortName(first.alert.server), clock.epoch, engine.realNow());
  const joined = open ?? disrupting;
  const alone = joined === undefined ? pending : await attach(engine, joined, pending);
  for (const one of alone) {
    if (await isNoNews(engine, key, one)) await store.dropPending(one.alert.id);
    else return openIncident(engine, one.alert);
  }
}

/** Whether an alert changes nothing if no incident is open for it. */
async function isNoNews(engine: Engine, key: string, { alert, repeat }: Pending): Promise<boolean> {
  if (alert.status === 'resolved') return true;
  if (!repeat) return false;
  const last = await engine.store.lastOutcome(key, engine.clock.epoch);
  const risen = last !== undefined && (alert.repeatCount ?? 0) > last.repeatCount;
  return last !== undefined && !risen && engine.realNow() - last.at < engine.settings.reopenAfter;
}

/**
 * Joins alerts to an open incident: the first and latest are kept in its journal, the others only counted. Returns
 * those that need an incident of their own.
 */
async function attach(engine: Engine, id: string, pending: Pending[]): Promise<Pending[]> {
  const { store } = engine;
  const known = await readIncident(store, id);
  if (!known) {
    // The key belongs to an incident that is gone; the alert waits until that is repaired.
    await engine.watch.missing(id);
    throw new Error(`incident ${id}, which is open for this alert, has no journal`);
  }
  if (known.incident.finished) return [];
  const { incident } = known;
  const seen = new Set(incident.alerts.map(identityOf));
  // The repeat of an alert that was not kept was counted before.
  const forgets = incident.counted !== undefined || incident.alertCount > incident.alerts.length;
  const soFar = { ...incident };
  const kept: Alert[] = [];
  const counted: Alert[] = [];
  const repeats: Alert[] = [];
  const elsewhere: Pending[] = [];
  for (const one of pending) {
    const { alert, repeat } = one;
    const room = seen.has(identityOf(alert)) ? 'known' : roomFor(alert, soFar);
    if (room === 'elsewhere') elsewhere.push(one);
    else if (room === 'known' || (room === 'counted' && repeat && forgets)) repeats.push(alert);
    else if (room === 'counted') counted.push(alert);
    else {
      kept.push(asKept(alert, soFar.alertCount));
      soFar.alerts = keep(soFar.alerts, kept.slice(-1));
      soFar.alertCount += 1;
    }
  }
  const taken = [...counted, ...repeats];
  if (taken.length > 0) {
    const counting = { alertIds: idsOf(taken), alerts: counted, repeatCount: highestCount(taken) };
    if (!(await store.count(id, counting)))
      throw new Stale(`incident ${id} or its alerts were handled by another worker`);
  }
  if (kept.length === 0) return elsewhere;
  const event = { type: 'attached' as const, data: { alerts: kept } };
  const attached = await append(engine, id, known, event, { taking: idsOf(kept) });
  if (!attached.ok) return [];
  if (kept.some((alert) => alert.status === 'resolved')) await wake(engine, id, rankOf(engine.catalog, incident));
  return elsewhere;
}

const idsOf = (alerts: Alert[]) => [...new Set(alerts.map(({ id }) => id))];
const highestCount = (alerts: Alert[]) => Math.max(0, ...alerts.map(({ repeatCount = 0 }) => repeatCount));

/** A repeat is news if its count has risen, or if maintenance has begun or ended. */
const identityOf = ({ id, repeatCount = 0, inMaintenance = false }: Alert) => `${id} ${repeatCount} ${inMaintenance}`;

async function openIncident(engine: Engine, alert: Alert): Promise<void> {
  const server = shortName(alert.server);
  const family = familyOf(alert.healthSet);
  const id = newId(server, family, engine.realNow());
  const organisation = engine.clock.epoch;
  const opened = await open(engine, { id, server, family, alert, world: organisation }, alert.id);
  if ('incident' in opened) await engine.wakeups.incident(id, 0, engine.catalog.layer(alert.healthSet));
}
