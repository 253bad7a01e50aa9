import { type Instant, incidentKey } from './alert.ts';
import type { Entry, Finished, IncidentEvent, Opened, StepStarted, Took } from './event.ts';
import { apply, fold } from './fold.ts';
import type { Incident } from './incident.ts';
import type { Intent } from './intent.ts';
import { type PlaybookRun, runsOf } from './runs.ts';
import { troubleOf, troublesOver, troublesSeen } from './trouble.ts';
import { isOwed, type UndoDebt } from './undo.ts';

/** An entry that a store keeps something of in its indexes. */
export interface Trace {
  at: Instant;
  /** Its place among the entries of all journals: a clock that was set back puts none before the one that it follows. */
  order: Instant;
  seq: number;
  event: IncidentEvent;
  beside: Beside;
}

/** What was remembered beside an entry when it was appended, as far as its journal tells. */
export interface Beside {
  opening?: { key: string; server: string; family: string };
  start?: Start;
  owe?: { debt: UndoDebt; incident: string; world: string }[];
  settle?: { server: string; setting: string; world: string }[];
  trouble?: { world: string; server: string; seen: string[]; gone: string[] };
  finishing?: {
    key: string;
    root: string;
    isRoot: boolean;
    keepSlots: string[];
    outcome: string;
    runs: PlaybookRun[];
  };
}

/** What a start took; it is not asked again whether it may. */
export interface Start {
  owner: string;
  world: string;
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
  const { at: since, data } = first as Entry;
  const { world } = data as Opened;
  const traces = [traceOf(first as Entry, since, opened(incident, data as Opened))];
  let order = since;
  for (const entry of rest) {
    order = Math.max(order, entry.at);
    traces.push(traceOf(entry, order, beside(incident, entry, world)));
    apply(incident, entry);
  }
  return traces.filter(({ event, beside: kept }) => Object.keys(kept).length > 0 || TELLING.has(event.type));
}

/** Their own data is kept something of: how often an alert was repeated, which organisation was seen. */
const TELLING: ReadonlySet<string> = new Set(['attached', 'verified']);

function traceOf({ seq, at, type, data }: Entry, order: Instant, kept: Beside): Trace {
  return { at, order, seq, event: { type, data } as IncidentEvent, beside: kept };
}

function opened({ server, family }: Incident, { world, alert }: Opened): Beside {
  const seen = [troubleOf.open(family), troubleOf.alerted(family)];
  return {
    opening: { key: incidentKey(server, family), server, family },
    // What a journal of an older version does not tell, the first look will.
    ...(alert && world !== undefined && { trouble: { world, server, seen, gone: [] } }),
  };
}

/** `incident`: as it stood before the entry; `openedIn`: the world where that is known. */
function beside(incident: Incident, { type, data, at }: Entry, openedIn: string | undefined): Beside {
  const event = { type, data } as IncidentEvent;
  const seen = incident.facts?.organisation;
  switch (event.type) {
    case 'verified': {
      const world = event.data.facts?.organisation ?? seen;
      if (world === undefined) return {};
      return { trouble: { world, server: incident.server, ...troublesSeen(incident, event.data) } };
    }
    case 'stepStarted':
      return stepStarted(incident, event.data);
    case 'undoStarted': {
      const debt = incident.undo.find(({ id }) => id === event.data.undo);
      return debt ? { start: start(incident, event.data, [debt.server]) } : {};
    }
    case 'undone': {
      const debt = incident.undo.find(({ id }) => id === event.data.undo);
      if (!debt || event.data.state === 'failed') return {};
      return { settle: [{ server: debt.server, setting: debt.setting, world: seen ?? '' }] };
    }
    case 'finished':
      return finished(incident, event.data, at, seen ?? openedIn);
    default:
      return {};
  }
}

function stepStarted(incident: Incident, data: StepStarted): Beside {
  const { intent, undo, slot } = data;
  if (!intent) return {};
  const taken = start(incident, data, [...new Set([incident.server, intent.server])].sort());
  return {
    start: { ...taken, ...(slot !== undefined && { slot: { group: slot, server: intent.server } }) },
    ...(undo && { owe: undo.map((debt) => ({ debt, incident: incident.id, world: taken.world })) }),
  };
}

function start(incident: Incident, { took }: { intent?: Intent; took?: Took }, claims: string[]): Start {
  return {
    owner: incident.root,
    world: took?.world ?? incident.facts?.organisation ?? '',
    kill: [],
    claims,
    throttles: (took?.throttles ?? []).map((one) => ({ ...one, perHour: -1, perDay: -1, group: false })),
    ...(took?.disrupts && { disrupts: took.disrupts }),
  };
}

function finished(incident: Incident, data: Finished, at: Instant, world: string | undefined): Beside {
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
    ...(world !== undefined && { trouble: { world, server, ...troublesOver(incident, data.outcome) } }),
  };
}

/** Journals of an older version don't tell what was kept: the group of a server that this incident left drained was. */
function ownSlots({ undo, facts, steps }: Incident): string[] {
  const drained = undo.some((debt) => debt.kind === 'activation' && isOwed(debt));
  const groups = drained ? steps.flatMap(({ group }) => group ?? []) : [];
  return [...new Set([...groups, ...(drained && facts?.dag ? [facts.dag] : [])])];
}
