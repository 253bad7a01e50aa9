import { randomBytes } from 'node:crypto';
import { type Alert, ANY_FAMILY, familyOf, incidentKey, shortName } from '../incident/alert.ts';
import { apply, fold } from '../incident/fold.ts';
import { Stale } from '../ports.ts';
import type { Engine } from './parts.ts';
import { wake } from './wake.ts';

/**
 * An accepted alert finds its incident: the open one with its key, the open one that is disrupting its server, or a new
 * one. What it changes nothing about is dropped: a repeat, a `resolved` without an incident.
 */
export async function correlate(engine: Engine, alertId: string): Promise<void> {
  for (;;) {
    try {
      if (await place(engine, alertId)) return;
    } catch (error) {
      // Somebody wrote at the same time, or has seen to this alert: look again.
      if (!(error instanceof Stale)) throw error;
    }
  }
}

/** False when the world moved meanwhile, and it must be tried anew. */
async function place(engine: Engine, alertId: string): Promise<boolean> {
  const { store, clock } = engine;
  const pending = await store.pendingAlert(alertId);
  if (!pending) return true;
  const { alert, repeat } = pending;
  const server = shortName(alert.server);
  const key = incidentKey(server, familyOf(alert.healthSet));
  const now = engine.realNow();
  const { open, disrupting } = await store.correlate(key, server, clock.epoch, now);

  const joined = open ?? disrupting;
  if (joined !== undefined) return attach(engine, joined, alert);
  if (alert.status === 'resolved') {
    await store.dropPending(alertId);
    return true;
  }
  if (repeat) {
    const last = await store.lastOutcome(key, clock.epoch);
    const risen = last !== undefined && (alert.repeatCount ?? 0) > last.repeatCount;
    if (last && !risen && now - last.at < engine.settings.reopenAfter) {
      await store.dropPending(alertId);
      return true;
    }
  }
  return openIncident(engine, key, alert);
}

async function attach(engine: Engine, id: string, alert: Alert): Promise<boolean> {
  const { store, clock, worker } = engine;
  const journal = await store.read(id);
  if (!journal) return false;
  const incident = fold(journal.entries);
  if (incident.finished) return false;
  if (incident.alerts.some((known) => known.id === alert.id && known.repeatCount === alert.repeatCount)) {
    await store.dropPending(alert.id);
    return true;
  }
  const attached = await store.append(
    id,
    journal.head,
    { type: 'attached', data: { alert } },
    { at: clock.now(), worker, attaching: { alertId: alert.id } },
  );
  if (attached.ok) {
    apply(incident, attached.entry);
    engine.onEntry(incident, attached.entry, attached.head);
  }
  if (alert.status === 'resolved') await wake(engine, id);
  return true;
}

async function openIncident(engine: Engine, key: string, alert: Alert): Promise<boolean> {
  const server = shortName(alert.server);
  const family = familyOf(alert.healthSet);
  const id = newId(server, family, engine.realNow());
  const opened = await engine.store.append(
    id,
    { seq: 0, hash: '' },
    { type: 'opened', data: { id, server, family, alert } },
    {
      at: engine.clock.now(),
      worker: engine.worker,
      due: engine.realNow(),
      opening: { key, alertId: alert.id, server },
    },
  );
  if (!opened.ok) return false;
  engine.onEntry(fold([opened.entry]), opened.entry, opened.head);
  await engine.wakeups.incident(id);
  return true;
}

/** Readable and sortable by time: `mbx1-imap-mhb3k2x9-4f`. */
function newId(server: string, family: string, now: number): string {
  const what = family === ANY_FAMILY ? 'any' : family.replace(/[^A-Za-z0-9]/g, '');
  return `${server}-${what}-${now.toString(36)}-${randomBytes(2).toString('hex')}`.toLowerCase();
}
