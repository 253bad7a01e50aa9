import { familyOf, incidentKey } from '../incident/alert.ts';
import type { Finished } from '../incident/event.ts';
import { groupOf } from './organisation.ts';
import type { Engine } from './parts.ts';
import type { Story } from './story.ts';

/** Ends an incident: gives back what it held, puts alerts of other matters back, and wakes whoever waits for it. */
export async function finish(engine: Engine, story: Story, finished: Finished): Promise<void> {
  const { incident } = story;
  const key = incidentKey(incident.server, incident.family);
  // A server that stays drained keeps its group's slot: a second drain would strip the group.
  const drained = incident.undo.some((undo) => undo.kind === 'activation' && undo.state === 'owed');
  const group = incident.facts && groupOf(incident.facts);
  await story.decide(
    { type: 'finished', data: finished },
    {
      due: null,
      finishing: {
        key,
        root: incident.root,
        isRoot: incident.root === incident.id,
        keepSlots: drained && group ? [group] : [],
        outcome: finished.outcome,
      },
    },
  );

  // Alerts of other health sets that came while this incident had the server in hand: now they are looked at by themselves.
  const others = incident.alerts.filter(
    (alert) => alert.status === 'firing' && incidentKey(alert.server, familyOf(alert.healthSet)) !== key,
  );
  if (others.length > 0) {
    await engine.store.requeue(others);
    await engine.wakeups.alerts(others.map((alert) => alert.id));
  }
  const waiting = [...(incident.parent ? [incident.parent.incident] : []), ...engine.waiters.take(incident.root)];
  for (const id of waiting) await wake(engine, id);
}

/** Marks that there is news for an incident, and has it advanced. */
export async function wake(engine: Engine, id: string): Promise<void> {
  await engine.store.nudge(id, engine.realNow());
  await engine.wakeups.incident(id);
}
