import type { Alert } from '../incident/alert.ts';
import type { IncidentEvent } from '../incident/event.ts';
import { apply, fold } from '../incident/fold.ts';
import type { Incident } from '../incident/incident.ts';
import { besideOf } from '../incident/traces.ts';
import type { AppendOptions, AppendResult, Head, StartConditions } from '../ports/journal.ts';
import type { Engine } from './parts.ts';

/** What the store needs besides an entry and can't be derived from the journal. */
export type Unwritten = Pick<AppendOptions, 'due' | 'sure'> & {
  /** When the decision was taken; default now. */
  at?: number;
  /** With `opened` and `attached`: alerts to take from the pending index. */
  taking?: string[];
  /** With `stepStarted` and `undoStarted`: conditions that may refuse them. */
  conditions?: Pick<StartConditions, 'kill' | 'throttles'>;
  /** With `finished`: alerts that become pending again. */
  requeue?: Alert[];
};

export type Appended = (AppendResult & { ok: false }) | (AppendResult & { ok: true } & { incident: Incident });

const EMPTY: Head = { seq: 0, hash: '' };

/**
 * Appends an entry to an incident's journal after the head it was decided on, with its index data. The incident (none
 * before the first entry) is advanced by it, and all subscribers of entries are informed.
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
