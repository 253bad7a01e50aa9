import { ANY_FAMILY, type Instant, incidentKey } from './alert.ts';
import type { Entry, Finished, IncidentEvent, Opened, StepStarted, Took } from './event.ts';
import { apply, fold } from './fold.ts';
import type { Incident } from './incident.ts';
import { type PlaybookRun, runsOf } from './runs.ts';
import { troubleOf, troublesOver, troublesSeen } from './trouble.ts';
import { isDrain, isOutstanding, type UndoAction, undoOfStep } from './undo.ts';

/** An entry that a store keeps something of in its indexes. */
export interface Trace {
  at: Instant;
  /** Its place among the entries of all journals: a clock that was set back puts none before the one that it follows. */
  order: Instant;
  seq: number;
  event: IncidentEvent;
  beside: Beside;
}

/** What a store remembers beside an entry, as far as its journal tells. */
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

/** A debt to strike out of the ledger. `of`: only where it is the one entered so; what an earlier step changed is still changed. */
export interface Settle {
  server: string;
  setting: string;
  organisation: string;
  of?: { incident: string; id: string };
}

/** What a start took; it is not asked again whether it may. */
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
 * What a journal leaves in the indexes of a store, in its order. Appended once more, the traces of all journals by their
 * order make every index anew. Throws where the journal does not fold.
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
  return traces.filter(({ event, beside: kept }) => Object.keys(kept).length > 0 || TELLING.has(event.type));
}

/** Their own data is kept something of: how often an alert was repeated, which organisation was seen. */
const TELLING: ReadonlySet<string> = new Set(['attached', 'verified']);

function traceOf({ seq, at, type, data }: Entry, order: Instant, before: Incident | undefined): Trace {
  const event = { type, data } as IncidentEvent;
  return { at, order, seq, event, beside: besideOf(before, event, at) };
}

function opened({ server, family = ANY_FAMILY, world: organisation, alert }: Opened): Beside {
  const seen = [troubleOf.open(family), troubleOf.alerted(family)];
  return {
    opening: { key: incidentKey(server, family), server, family },
    // What a journal of an older version does not tell, the first look will.
    ...(alert && organisation !== undefined && { trouble: { organisation, server, seen, gone: [] } }),
  };
}

/**
 * What stands beside an entry, whether it is appended now or its journal is read again. `incident`: as it stood before
 * the entry; there is none before the first.
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
      // The step is still to be done: until then it owes nothing.
      if (event.data.state !== 'notSent') return {};
      const own = undoOfStep(incident.undo, event.data.n);
      return own.length === 0 ? {} : { settle: own.map((debt) => settleOwn(incident, debt)) };
    }
    case 'undoStarted': {
      const debt = incident.undo.find(({ id }) => id === event.data.undo);
      return debt ? { start: startOfUndo(incident, debt, event.data) } : {};
    }
    case 'undone': {
      const debt = incident.undo.find(({ id }) => id === event.data.undo);
      if (!debt || event.data.state === 'failed') return {};
      return { settle: [{ server: debt.server, setting: debt.setting, organisation: seen ?? '' }] };
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

/** What the start of a step takes; undefined where it changes nothing. */
export function startOfStep(incident: Incident, { intent, slot, took }: StepStarted): Start | undefined {
  if (!intent) return undefined;
  const taken = start(incident, took, [...new Set([incident.server, intent.server])].sort());
  return { ...taken, ...(slot !== undefined && { slot: { group: slot, server: intent.server } }) };
}

/** What the start of an undo takes. */
function startOfUndo(incident: Incident, { server }: UndoAction, { took }: { took?: Took }): Start {
  return start(incident, took, [server]);
}

/** Strikes out what an incident's own step has entered. */
function settleOwn({ id, facts }: Incident, debt: UndoAction): Settle {
  const { server, setting } = debt;
  return { server, setting, organisation: facts?.organisation ?? '', of: { incident: id, id: debt.id } };
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

/** Journals of an older version don't tell what was kept: the group of a server that this incident left drained was. */
function ownSlots({ undo, facts, steps }: Incident): string[] {
  const drained = undo.some((debt) => isDrain(debt) && isOutstanding(debt));
  const groups = drained ? steps.flatMap(({ group }) => group ?? []) : [];
  return [...new Set([...groups, ...(drained && facts?.dag ? [facts.dag] : [])])];
}
