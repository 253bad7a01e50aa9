import { type Alert, familyOf, incidentKey, shortName } from '../incident/alert.ts';
import { fold } from '../incident/fold.ts';
import { Stale } from '../ports.ts';
import { append } from './append.ts';
import { newId, open } from './open.ts';
import { serverMeant } from './organisation.ts';
import type { Engine } from './parts.ts';
import { rankOf } from './rank.ts';
import { wake } from './wake.ts';
import { wholeJournal } from './whole-journal.ts';

/**
 * An accepted alert finds its incident: the open one with its key, the open one that is disrupting its server, or a new
 * one. What it changes nothing about is dropped: a repeat, a `resolved` without an incident. Alerts of one matter that
 * come together are placed together, in one entry of its journal.
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

/** The alert, with that one of its names. */
function about(alert: Alert, server: string): Alert {
  if (alert.server === server) return alert;
  const name = alert.otherServers?.find((other) => shortName(other) === server) ?? server;
  const others = [alert.serverAsSent, ...(alert.otherServers ?? [])].filter((other) => other !== name);
  return { ...alert, server, serverAsSent: name, otherServers: others };
}

/** Until each is placed: somebody may write at the same time, or see to one of them. */
async function placeAll(engine: Engine, key: string, server: string, ids: string[]): Promise<void> {
  for (;;) {
    const found = await Promise.all(ids.map((id) => engine.store.pendingAlert(id)));
    const pending = found.flatMap((one) => (one ? [{ ...one, alert: about(one.alert, server) }] : []));
    if (pending.length === 0) return;
    try {
      await place(engine, key, pending);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
}

/** One step towards all being placed: joins them, drops what changes nothing, or opens an incident for the first. */
async function place(engine: Engine, key: string, pending: Pending[]): Promise<void> {
  const { store, clock } = engine;
  const [first] = pending;
  if (!first) return;
  const { open, disrupting } = await store.correlate(key, shortName(first.alert.server), clock.epoch, engine.realNow());
  const joined = open ?? disrupting;
  if (joined !== undefined) return attach(engine, joined, pending);
  for (const one of pending) {
    if (await isNoNews(engine, key, one)) await store.dropPending(one.alert.id);
    else return openIncident(engine, one.alert);
  }
}

/** Whether an alert changes nothing while no incident is open for it. */
async function isNoNews(engine: Engine, key: string, { alert, repeat }: Pending): Promise<boolean> {
  if (alert.status === 'resolved') return true;
  if (!repeat) return false;
  const last = await engine.store.lastOutcome(key, engine.clock.epoch);
  const risen = last !== undefined && (alert.repeatCount ?? 0) > last.repeatCount;
  return last !== undefined && !risen && engine.realNow() - last.at < engine.settings.reopenAfter;
}

async function attach(engine: Engine, id: string, pending: Pending[]): Promise<void> {
  const { store } = engine;
  const journal = await wholeJournal(store, id);
  const incident = journal && fold(journal.entries);
  if (!incident) {
    // Its key is held by what is no more; it is the alert of nobody until that is put right.
    await engine.watch.missing(id);
    throw new Error(`incident ${id}, which is open for this alert, has no journal`);
  }
  if (incident.finished) return;
  const known = new Set(incident.alerts.map(identityOf));
  const alerts = pending.map((one) => one.alert);
  const news = alerts.filter((alert) => !known.has(identityOf(alert)));
  for (const alert of alerts) if (!news.includes(alert)) await store.dropPending(alert.id);
  if (news.length === 0) return;
  const attached = await append(
    engine,
    id,
    { head: journal.head, incident },
    { type: 'attached', data: { alerts: news } },
    { taking: news.map((alert) => alert.id) },
  );
  if (!attached.ok) return;
  if (news.some((alert) => alert.status === 'resolved')) await wake(engine, id, rankOf(engine.catalog, incident));
}

/** A repeat tells something new when its count has risen, or when maintenance has begun or ended. */
const identityOf = ({ id, repeatCount = 0, inMaintenance = false }: Alert) => `${id} ${repeatCount} ${inMaintenance}`;

async function openIncident(engine: Engine, alert: Alert): Promise<void> {
  const server = shortName(alert.server);
  const family = familyOf(alert.healthSet);
  const id = newId(server, family, engine.realNow());
  const world = engine.clock.epoch;
  const opened = await open(engine, { id, server, family, alert, world }, alert.id);
  if ('incident' in opened) await engine.wakeups.incident(id, 0, engine.catalog.layer(alert.healthSet));
}
