import { ANY_FAMILY, type Instant, incidentKey } from './alert.ts';
import type { Entry, Finished, IncidentEvent, Opened, StepStarted, Took } from './event.ts';
import { apply, fold } from './fold.ts';
import type { Incident } from './incident.ts';
import { type PlaybookRun, runsOf } from './runs.ts';
import { troubleOf, troublesOver, troublesSeen } from './trouble.ts';
import { isDrain, isOutstanding, type UndoAction, undoOfStep } from './undo.ts';

/** An entry that affects the indexes of a store. */
export interface Trace {
  at: Instant;
  /** Position among the entries of all journals. Never decreases within a journal, even if the clock was set back. */
  order: Instant;
  seq: number;
  event: IncidentEvent;
  beside: Beside;
}

/** Index data that belongs to an entry, as far as the journal determines it. */
export interface Beside {
  opening?: { key: string; server: string; family: string };
  start?: Start;
  outstanding?: { debt: UndoAction; incident: string; organisation: string }[];
  settle?: Settle[];
  trouble?: { organisation: string; server: string; seen: string[]; gone: string[] };
  finishing?: {
    key: string;
    root: string;
    isRoot: boolean;
    keepSlots: string[];
    outcome: string;
    runs: PlaybookRun[];
  };
}

/**
 * An undo action to remove from the ledger. `of`: only if this incident entered it; otherwise the change of an earlier
 * step is still in place.
 */
export interface Settle {
  server: string;
  setting: string;
  organisation: string;
  of?: { incident: string; id: string };
}

/** What a start took. Replaying it skips the conditions. */
export interface Start {
  owner: string;
  organisation: string;
  kill: never[];
  claims: string[];
  slot?: { group: string; server: string };
  throttles: {
    key: string;
    now: Instant;
    minutesBetween: number;
    perHour: number;
    perDay: number;
    group: boolean;
  }[];
  disrupts?: NonNullable<Took['disrupts']>;
}

/**
 * What a journal contributes to the indexes of a store, in order. Replaying the traces of all journals by their order
 * rebuilds every index. Throws if the journal does not fold.
 */
export function tracesOf(entries: readonly Entry[]): Trace[] {
  const [first, ...rest] = entries;
  const incident = fold(first ? [first] : []);
  const traces = [traceOf(first as Entry, incident.openedAt, undefined)];
  let order = incident.openedAt;
  for (const entry of rest) {
    order = Math.max(order, entry.at);
    traces.push(traceOf(entry, order, incident));
    apply(incident, entry);
  }
  return traces.filter(({ event, beside: kept }) => Object.keys(kept).length > 0 || INDEXED.has(event.type));
}

/** Events whose own data is indexed: repeat counts of alerts, the organisation found. */
const INDEXED: ReadonlySet<string> = new Set(['attached', 'verified']);

function traceOf({ seq, at, type, data }: Entry, order: Instant, before: Incident | undefined): Trace {
  const event = { type, data } as IncidentEvent;
  return { at, order, seq, event, beside: besideOf(before, event, at) };
}

function opened({ server, family = ANY_FAMILY, world: organisation, alert }: Opened): Beside {
  const seen = [troubleOf.open(family), troubleOf.alerted(family)];
  return {
    opening: { key: incidentKey(server, family), server, family },
    // If an older journal does not name the organisation, the first verification does.
    ...(alert && organisation !== undefined && { trouble: { organisation, server, seen, gone: [] } }),
  };
}

/**
 * The index data of an entry, whether it is appended now or its journal is read again. `incident`: its state before the
 * entry; undefined before the first.
 */
export function besideOf(incident: Incident | undefined, event: IncidentEvent, at: Instant): Beside {
  if (event.type === 'opened') return opened(event.data);
  if (!incident) throw new Error('a journal must begin with "opened"');
  const seen = incident.facts?.organisation;
  switch (event.type) {
    case 'verified': {
      const organisation = event.data.facts?.organisation ?? seen;
      if (organisation === undefined) return {};
      return { trouble: { organisation, server: incident.server, ...troublesSeen(incident, event.data) } };
    }
    case 'stepStarted':
      return stepStarted(incident, event.data);
    case 'stepFinished': {
      // The step has not run, so it has nothing to undo.
      if (event.data.state !== 'notSent') return {};
      const own = undoOfStep(incident.undo, event.data.n);
      return own.length === 0 ? {} : { settle: own.map((undo) => settleOwn(incident, undo)) };
    }
    case 'undoStarted': {
      const undo = incident.undo.find(({ id }) => id === event.data.undo);
      return undo ? { start: startOfUndo(incident, undo, event.data) } : {};
    }
    case 'undone': {
      const undo = incident.undo.find(({ id }) => id === event.data.undo);
      if (!undo || event.data.state === 'failed') return {};
      return { settle: [{ server: undo.server, setting: undo.setting, organisation: seen ?? '' }] };
    }
    case 'finished':
      return finished(incident, event.data, at, seen ?? incident.openedIn);
    default:
      return {};
  }
}

function stepStarted(incident: Incident, data: StepStarted): Beside {
  const { undo } = data;
  const taken = startOfStep(incident, data);
  if (!taken) return {};
  return {
    start: taken,
    ...(undo && {
      outstanding: undo.map((debt) => ({ debt, incident: incident.id, organisation: taken.organisation })),
    }),
  };
}

/** What the start of a step takes; undefined if the step changes nothing. */
export function startOfStep(incident: Incident, { intent, slot, took }: StepStarted): Start | undefined {
  if (!intent) return undefined;
  const taken = start(incident, took, [...new Set([incident.server, intent.server])].sort());
  return { ...taken, ...(slot !== undefined && { slot: { group: slot, server: intent.server } }) };
}

/** What the start of an undo action takes. */
function startOfUndo(incident: Incident, { server }: UndoAction, { took }: { took?: Took }): Start {
  return start(incident, took, [server]);
}

/** Removes what an incident's own step has entered. */
function settleOwn({ id, facts }: Incident, undo: UndoAction): Settle {
  const { server, setting } = undo;
  return { server, setting, organisation: facts?.organisation ?? '', of: { incident: id, id: undo.id } };
}

function start(incident: Incident, took: Took | undefined, claims: string[]): Start {
  return {
    owner: incident.root,
    organisation: took?.world ?? incident.facts?.organisation ?? '',
    kill: [],
    claims,
    throttles: (took?.throttles ?? []).map((one) => ({ ...one, perHour: -1, perDay: -1, group: false })),
    ...(took?.disrupts && { disrupts: took.disrupts }),
  };
}

function finished(incident: Incident, data: Finished, at: Instant, organisation: string | undefined): Beside {
  const { id, root, server, family } = incident;
  return {
    finishing: {
      key: incidentKey(server, family),
      root,
      isRoot: root === id,
      keepSlots: data.keeps ?? ownSlots(incident),
      outcome: data.outcome,
      runs: runsOf(incident, data, at),
    },
    ...(organisation !== undefined && { trouble: { organisation, server, ...troublesOver(incident, data.outcome) } }),
  };
}

/**
 * Journals of older versions don't record kept slots: they were those of the groups of a server that this incident left
 * drained.
 */
function ownSlots({ undo, facts, steps }: Incident): string[] {
  const drained = undo.some((action) => isDrain(action) && isOutstanding(action));
  const groups = drained ? steps.flatMap(({ group }) => group ?? []) : [];
  return [...new Set([...groups, ...(drained && facts?.dag ? [facts.dag] : [])])];
}
