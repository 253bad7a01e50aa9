import { familyOf, incidentKey } from '../../incident/alert.ts';
import { checklistOf } from '../../incident/checklist.ts';
import type { Finished } from '../../incident/event.ts';
import { groupOf } from '../../incident/health.ts';
import type { Incident } from '../../incident/incident.ts';
import { isDrain } from '../../incident/undo.ts';
import type { Notice } from '../../ports/notifier.ts';
import type { Advanced } from '../advancing.ts';
import type { JournalCursor } from '../journal-cursor.ts';
import type { Engine } from '../parts.ts';
import { leftByChildren, outcomeOf } from '../step/children.ts';
import { wake } from '../wake.ts';
import { escalation, recurring as recurringProblem } from './escalation.ts';
import { notifiedBefore, type SharedNotification, sharedNotification } from './shared-notification.ts';

/** Real milliseconds between two tries to notify people, and their number; after that the incident ends anyway. */
const NOTIFY_AGAIN = 30_000;
const NOTIFY_TRIES = 20;
/** This many recoveries from one problem within this time (organisation's ms) mean that restarts only hide it. */
const RECURRING = { times: 3, within: 7 * 24 * 3_600_000 };

/**
 * Ends an incident: notifies people, releases what it held, requeues alerts about other problems, wakes waiting
 * incidents.
 */
export async function finish(engine: Engine, cursor: JournalCursor, decided: Finished): Promise<Advanced> {
  const { incident } = cursor;
  const { finished, others: several } = await oneOfMany(engine, incident, decided);
  // People are notified before the end is recorded: a crash in between leads to a second message, never to none.
  if (!(await notifyPeople(engine, incident, finished, several))) {
    return { is: 'waiting', until: engine.clock.now() + NOTIFY_AGAIN * engine.clock.speed };
  }
  const key = incidentKey(incident.server, incident.family);
  const recurring = finished.outcome === 'recovered' ? await recurringNotice(engine, incident, key) : undefined;
  // Alerts about other health sets that arrived while this incident was acting on the server are now handled
  // separately.
  const others = () =>
    incident.alerts.filter(
      (alert) => alert.status === 'firing' && incidentKey(alert.server, familyOf(alert.healthSet)) !== key,
    );
  const keeps = await drainedGroups(engine, incident);
  const { counted } = await cursor.ahead();
  const data: Finished = { ...finished, keeps, ...(counted && { alertsCounted: counted.alerts }) };
  await cursor.decide({ type: 'finished', data }, () => ({ due: null, requeue: others() }));

  // A failed notification about the pattern does not delay the end.
  if (recurring)
    await engine.notify(recurring).catch((error) =>
      engine.log.error('Failed to notify anyone of a recurring problem', {
        incident: incident.id,
        error: String(error),
      }),
    );

  const requeued = others();
  if (requeued.length > 0) await engine.wakeups.alerts(requeued.map((alert) => alert.id));
  const waiting = [...(incident.parent ? [incident.parent.incident] : []), ...engine.waiters.take(incident.root)];
  for (const id of waiting) await wake(engine, id);
  return { is: 'finished' };
}

/** If another incident already notifies people about the same problem on many servers, this one sends no message. */
async function oneOfMany(
  engine: Engine,
  incident: Incident,
  finished: Finished,
): Promise<{ finished: Finished; others?: SharedNotification }> {
  if (finished.outcome !== 'escalated' || (await isNotified(engine, incident))) return { finished };
  const others = (await sharedNotification(engine, incident)) ?? (await notifiedBefore(engine, incident));
  if (!others) return { finished };
  if (others.notifiedBy === incident.id) return { finished, others };
  // A change on this server is always reported, in a message of its own.
  if (incident.changed) return { finished };
  const reason = `Incident ${others.notifiedBy} reports it (${others.says}): ${finished.reason}`;
  return { finished: { ...finished, outcome: 'suppressed', reason } };
}

/** False if nobody could be notified; then it must be retried first. */
async function notifyPeople(
  engine: Engine,
  incident: Incident,
  finished: Finished,
  others: SharedNotification | undefined,
): Promise<boolean> {
  if (finished.outcome !== 'escalated' || (await isNotified(engine, incident))) return true;
  const { left, owed, checklist } = await leftByChildren(engine, incident);
  const whole = { ...finished, left: [...finished.left, ...left], owed: [...finished.owed, ...owed] };
  try {
    await engine.notify(escalation(incident, whole, [...checklistOf(incident), ...checklist], others));
  } catch (error) {
    const tries = engine.notifyTries.count(incident.id);
    engine.log.error('Failed to notify anyone of an escalation', {
      incident: incident.id,
      tries,
      error: String(error),
    });
    if (tries < NOTIFY_TRIES) return false;
  }
  engine.notifyTries.forget(incident.id);
  return true;
}

/**
 * Groups with a server that stays drained, by this incident or a child, keep their slot: a second drain would strip the
 * group.
 */
async function drainedGroups(engine: Engine, { facts }: Incident): Promise<string[]> {
  if (!facts) return [];
  const drains = (await engine.store.ledger()).filter(
    ({ world: organisation, debt: action }) => organisation === facts.organisation && isDrain(action),
  );
  if (drains.length === 0) return [];
  const servers = await engine.exchange.organisation().then(
    ({ value }) => value.servers,
    () => [facts],
  );
  return drains.flatMap(({ debt: action }) => {
    const drained = servers.find((one) => one.server === action.server);
    return (drained && groupOf(drained)) ?? [];
  });
}

async function recurringNotice(engine: Engine, incident: Incident, key: string): Promise<Notice | undefined> {
  const organisation = incident.facts?.organisation ?? '';
  const before = await engine.store.recoveries(key, organisation, engine.clock.now() - RECURRING.within);
  if (before.length + 1 < RECURRING.times) return undefined;
  return recurringProblem(incident, [...before, incident.id]);
}

/** Whether the incident's parent notifies people: an open parent does, about everything. */
async function isNotified(engine: Engine, incident: Incident): Promise<boolean> {
  return incident.parent !== undefined && (await outcomeOf(engine, incident.parent.incident)) === undefined;
}
