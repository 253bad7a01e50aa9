import { familyOf, incidentKey } from '../../incident/alert.ts';
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
import { type Alike, alike, notifiedBefore } from './alike.ts';
import { escalation, recurring as recurringProblem } from './escalation.ts';

/** Real milliseconds between two tries to tell people, and how many there are before the end is written all the same. */
const TELL_AGAIN = 30_000;
const TELLINGS = 20;
/** So many recoveries of one matter within so long (organisation's ms) are a problem that restarts only hide. */
const RECURRING = { times: 3, within: 7 * 24 * 3_600_000 };

/** Ends an incident: tells people, gives back what it held, puts alerts of other matters back, wakes whoever waits for it. */
export async function finish(engine: Engine, story: JournalCursor, decided: Finished): Promise<Advanced> {
  const { incident } = story;
  const { finished, others: alikes } = await oneOfMany(engine, incident, decided);
  // People are told before the end is written: after a crash between the two they are told twice, never not at all.
  if (!(await notifyPeople(engine, incident, finished, alikes))) {
    return { is: 'waiting', until: engine.clock.now() + TELL_AGAIN * engine.clock.speed };
  }
  const key = incidentKey(incident.server, incident.family);
  const recurring = finished.outcome === 'recovered' ? await recurringNotice(engine, incident, key) : undefined;
  // Alerts of other health sets that came while this incident had the server in hand: now they are looked at by themselves.
  const others = () =>
    incident.alerts.filter(
      (alert) => alert.status === 'firing' && incidentKey(alert.server, familyOf(alert.healthSet)) !== key,
    );
  const keeps = await drainedGroups(engine, incident);
  const { counted } = await story.ahead();
  const data: Finished = { ...finished, keeps, ...(counted && { alertsCounted: counted.alerts }) };
  await story.decide({ type: 'finished', data }, () => ({ due: null, requeue: others() }));

  // It is over all the same; that people can't be told of the pattern now does not hold it up.
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

/** An escalation that another incident tells of already, as the same trouble is on many servers, is no message of its own. */
async function oneOfMany(
  engine: Engine,
  incident: Incident,
  finished: Finished,
): Promise<{ finished: Finished; others?: Alike }> {
  if (finished.outcome !== 'escalated' || (await isNotified(engine, incident))) return { finished };
  const others = (await alike(engine, incident)) ?? (await notifiedBefore(engine, incident));
  if (!others) return { finished };
  if (others.speaker === incident.id) return { finished, others };
  // What was changed on this very server is told in any case, by a message of its own.
  if (incident.changed) return { finished };
  const reason = `Incident ${others.speaker} reports it (${others.says}): ${finished.reason}`;
  return { finished: { ...finished, outcome: 'suppressed', reason } };
}

/** False when nobody could be told, and it must be tried again first. */
async function notifyPeople(
  engine: Engine,
  incident: Incident,
  finished: Finished,
  others: Alike | undefined,
): Promise<boolean> {
  if (finished.outcome !== 'escalated' || (await isNotified(engine, incident))) return true;
  const { left, owed } = await leftByChildren(engine, incident);
  const whole = { ...finished, left: [...finished.left, ...left], owed: [...finished.owed, ...owed] };
  try {
    await engine.notify(escalation(incident, whole, others));
  } catch (error) {
    const tries = engine.notifyTries.count(incident.id);
    engine.log.error('Failed to notify anyone of an escalation', {
      incident: incident.id,
      tries,
      error: String(error),
    });
    if (tries < TELLINGS) return false;
  }
  engine.notifyTries.forget(incident.id);
  return true;
}

/** A server that stays drained, by this incident or a child of it, keeps its group's slot: a second drain would strip the group. */
async function drainedGroups(engine: Engine, { facts }: Incident): Promise<string[]> {
  if (!facts) return [];
  const owed = (await engine.store.ledger()).filter(
    ({ world: organisation, debt }) => organisation === facts.organisation && isDrain(debt),
  );
  if (owed.length === 0) return [];
  const servers = await engine.exchange.organisation().then(
    ({ value }) => value.servers,
    () => [facts],
  );
  return owed.flatMap(({ debt }) => {
    const drained = servers.find((one) => one.server === debt.server);
    return (drained && groupOf(drained)) ?? [];
  });
}

async function recurringNotice(engine: Engine, incident: Incident, key: string): Promise<Notice | undefined> {
  const organisation = incident.facts?.organisation ?? '';
  const before = await engine.store.recoveries(key, organisation, engine.clock.now() - RECURRING.within);
  if (before.length + 1 < RECURRING.times) return undefined;
  return recurringProblem(incident, [...before, incident.id]);
}

/** Whether the incident's parent tells people: it does while it is open, with the whole story. */
async function isNotified(engine: Engine, incident: Incident): Promise<boolean> {
  return incident.parent !== undefined && (await outcomeOf(engine, incident.parent.incident)) === undefined;
}
