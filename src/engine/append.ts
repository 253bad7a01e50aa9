import type { Alert } from '../incident/alert.ts';
import type { IncidentEvent } from '../incident/event.ts';
import { apply, fold } from '../incident/fold.ts';
import type { Incident } from '../incident/incident.ts';
import { besideOf } from '../incident/traces.ts';
import type { AppendOptions, AppendResult, Head, StartConditions } from '../ports/journal.ts';
import type { Engine } from './parts.ts';

/** What a store is told with an entry that the journal does not say: everything else is derived from the journal. */
export type Unwritten = Pick<AppendOptions, 'due' | 'sure'> & {
  /** When the decision was taken; now when absent. */
  at?: number;
  /** With `opened` and `attached`: the alerts to take from the pending index. */
  taking?: string[];
  /** With `stepStarted` and `undoStarted`: what may still refuse them. */
  conditions?: Pick<StartConditions, 'kill' | 'throttles'>;
  /** With `finished`: alerts that are pending again. */
  requeue?: Alert[];
};

export type Appended = (AppendResult & { ok: false }) | (AppendResult & { ok: true } & { incident: Incident });

const EMPTY: Head = { seq: 0, hash: '' };

/**
 * Appends an entry to an incident's journal on the head that it was decided on, with what stands beside it in the store;
 * the incident (none before the first entry) is folded on, and everyone who follows entries is informed.
 */
export async function append(
  engine: Engine,
  id: string,
  known: { head: Head; incident: Incident } | undefined,
  event: IncidentEvent,
  unwritten: Unwritten = {},
): Promise<Appended> {
  const { store, clock, worker } = engine;
  const { at = clock.now(), taking = [], conditions, requeue, ...more } = unwritten;
  const { opening, start, finishing, ...beside } = besideOf(known?.incident, event, at);
  const [alertId] = taking;
  const result = await store.append(id, known?.head ?? EMPTY, event, {
    at,
    worker,
    ...more,
    ...beside,
    ...(opening && { opening: { ...opening, ...(alertId !== undefined && { alertId }) } }),
    ...(!opening && taking.length > 0 && { attaching: { alertIds: taking } }),
    ...(start && { start: { ...start, ...conditions } }),
    ...(finishing && { finishing: { ...finishing, ...(requeue && { requeue }) } }),
  });
  if (!result.ok) return result;
  const incident = known?.incident ?? fold([result.entry]);
  if (known) apply(incident, result.entry);
  engine.onEntry(incident, result.entry, result.head);
  return { ...result, incident };
}
