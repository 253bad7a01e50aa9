import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Entry, Held, IncidentEvent, Matched, Verified } from '../../src/incident/event.ts';
import { fold } from '../../src/incident/fold.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { CHANGING_CALLS, type Exchange } from '../../src/ports/exchange.ts';
import { followed as followedBy } from '../../src/proof/explore.ts';
import { createNarrator } from '../../src/proof/narrator.ts';
import { proofSettings, prove } from '../../src/proof/prove.ts';
import type { Shell } from '../../src/proof/shell.ts';
import { type State as ProofState, keyOf as proofKeyOf } from '../../src/proof/state.ts';
import { successors } from '../../src/proof/successors.ts';
import { around } from '../support/around.ts';
import { bench, Killed } from '../support/engine.ts';
import { journalOf } from '../support/journal.ts';
import { followed } from './explore.ts';
import { sceneOf } from './scene.ts';
import { keyOf, type State } from './state.ts';

/**
 * The search has a shell of its own, made of possibilities. Here the real one writes journals, whole and killed at one in
 * every few entries and commands, and each must be a way that the search can go: what really happens is among what is searched.
 */
const TROUBLES = [
  { fault: { fault: 'imap-backend-wedged', server: 'mbx1' }, alert: { server: 'mbx1', healthSet: 'IMAP.Protocol' } },
  {
    fault: { fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'ex1' },
    alert: { server: 'ex1', healthSet: 'IMAP.Protocol' },
  },
  { fault: { fault: 'imap-proxy-wedged', server: 'cas1' }, alert: { server: 'cas1', healthSet: 'IMAP.Proxy' } },
  { fault: { fault: 'imap-slow-relapse', server: 'ex1' }, alert: { server: 'ex1', healthSet: 'IMAP' } },
  {
    fault: { fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' },
    alert: { server: 'cas1', healthSet: 'IMAP' },
  },
  { fault: { fault: 'transient', server: 'mbx2' }, alert: { server: 'mbx2', healthSet: 'IMAP.Protocol' } },
];
const EVERY = 13;
const settings = proofSettings(loadConfig({ env: {}, cwd: process.cwd() }).config);

/** The journals of one trouble, with a worker that dies at so manieth append or command. */
async function journalsOf(
  { fault, alert }: (typeof TROUBLES)[number],
  dies: number,
): Promise<{ journals: Entry[][]; cuts: number }> {
  let cuts = 0;
  const cutIn = async <T>(call: () => Promise<T>): Promise<T> => {
    cuts += 1;
    const now = cuts === dies;
    const result = await call();
    if (now) throw new Killed();
    return result;
  };
  const b = bench({
    aroundStore: (store) =>
      around(
        store,
        'append',
        (append) =>
          (...args) =>
            args[2].type === 'opened' && args[2].data.alert ? append(...args) : cutIn(() => append(...args)),
      ),
    aroundExchange: (exchange): Exchange =>
      new Proxy(exchange, {
        get(target, name: keyof Exchange) {
          const call = (target[name] as (...args: unknown[]) => Promise<unknown>).bind(target);
          return name in CHANGING_CALLS ? (...args: unknown[]) => cutIn(() => call(...args)) : call;
        },
      }),
  });
  b.lab.post(fault);
  await b.handle(alert);
  const { ids } = await b.store.list({ limit: 10 });
  const journals = await Promise.all(ids.map(async (id) => (await journalOf(b.store, id))?.entries ?? []));
  return { journals, cuts };
}

test.each(TROUBLES)(
  '$fault.fault on $fault.server: what the real shell writes is a way of the model',
  async (trouble) => {
    const { cuts } = await journalsOf(trouble, 0);
    for (let dies = 0; dies <= cuts; dies += EVERY) {
      const { journals } = await journalsOf(trouble, dies);
      for (const entries of journals) {
        expect({ dies, refused: await firstRefused(entries) }).toEqual({ dies, refused: undefined });
        expect({ dies, unproved: await firstUnproved(entries) }).toEqual({ dies, unproved: undefined });
      }
    }
  },
);

test.each(TROUBLES.filter(({ fault }) => !('backend' in fault)))(
  '$fault.fault on $fault.server: the run takes no longer than the proof says',
  async (trouble) => {
    const { journals } = await journalsOf(trouble, 0);
    const [entries = []] = journals;
    const took = (entries.at(-1)?.at ?? 0) - (entries[0]?.at ?? 0);
    const worst = await Promise.all(placeOf(entries).shell.playbooks.map((playbook) => prove(playbook, settings)));
    const bound = worst.reduce((sum, proof) => sum + proof.worst.time, settings.verifyingAgain);
    expect(took).toBeGreaterThan(0);
    expect(took).toBeLessThanOrEqual(bound);
  },
);

test('a journal that the real shell would not write is refused', async () => {
  const { journals } = await journalsOf(TROUBLES[0]!, 0);
  const [entries = []] = journals;
  const started = entries.findIndex(({ type }) => type === 'stepStarted');
  expect(await firstRefused(entries.toSpliced(started, 1))).toBe(started + 1);
  expect(await firstUnproved(entries.toSpliced(started, 1))).toBe(started);
});

/** Walks the model along a journal, in all the ways that fit; the place of the first entry that fits none. */
async function firstRefused(entries: Entry[]): Promise<number | undefined> {
  const [first] = entries;
  const { shell, initial } = placeOf(entries);
  let states = [{ ...initial, incident: fold([first as Entry]) }];
  for (const [index, entry] of entries.entries()) {
    if (index === 0) continue;
    const fitting = new Map(
      states.filter(({ incident }) => onlySaysAnew(incident, entry)).map((state) => [keyOf(state), state]),
    );
    for (const state of await silently(shell, states)) {
      for (const { wrote, to } of await followed(shell, state)) {
        if (wrote && shapeOf(wrote) === shapeOf(entry as IncidentEvent & Entry)) fitting.set(keyOf(to), to);
      }
    }
    if (fitting.size === 0) return index + 1;
    states = [...fitting.values()];
  }
  return undefined;
}

/**
 * Walks the search of `playbooks check` along a journal; the number of entries that fit, or undefined when all do. One
 * transition of that search may write several entries, and it has no pauses.
 */
async function firstUnproved(entries: Entry[]): Promise<number | undefined> {
  const [first] = entries;
  const { shell, initial } = placeOf(entries);
  const { found, seen, exchange } = initial;
  const narrator = createNarrator({ verifyingAgain: 0, watchAfterUndo: 0 });
  const start: ProofState = { incident: fold([first as Entry]), exchange, found, seen, mayCancel: false };
  const reached = entries.map(() => new Map<string, ProofState>());
  reached[0]?.set(proofKeyOf(start, shell.settings), start);
  let last = 0;
  for (const [index, states] of reached.entries()) {
    if (states.size > 0) last = index;
    for (const state of states.values()) {
      const upcoming = entries[index + 1];
      if (upcoming && isPause(upcoming)) reached[index + 1]?.set(proofKeyOf(state, shell.settings), state);
      for (const { parts, to } of await followedBy({ follow: (from) => successors(shell, narrator, from) }, state)) {
        const wrote = parts.flatMap((part) => part.wrote ?? []);
        for (const end of endsOf(entries, index, wrote)) reached[end]?.set(proofKeyOf(to, shell.settings), to);
      }
    }
  }
  return last === entries.length - 1 ? undefined : last + 1;
}

/** Where entries after `index` end that are these events, with pauses between them. */
function endsOf(entries: Entry[], index: number, [event, ...rest]: IncidentEvent[]): number[] {
  const entry = entries[index + 1];
  if (!event) return [index];
  if (!entry) return [];
  const fits = shapeOf(event) === shapeOf(entry);
  return [
    ...(fits ? endsOf(entries, index + 1, rest) : []),
    ...(isPause(entry) ? endsOf(entries, index + 1, [event, ...rest]) : []),
  ];
}

const isPause = ({ type, data }: Entry) => type === 'slept' || (type === 'held' && !(data as Held).approval);

/** The same wait in other words: the model has no words. */
function onlySaysAnew({ slept, held }: Incident, { type, data }: Entry): boolean {
  const { n, for: why, guard } = data as { n?: number; for?: string; guard?: string };
  if (type === 'slept') return slept !== undefined && slept.n === n && slept.for === why;
  return type === 'held' && held !== undefined && held.n === n && (held.guard === guard || held.guard === 'claim');
}

/** Everything that can be reached without a word in the journal. */
async function silently(shell: Shell, states: State[]): Promise<State[]> {
  const known = new Map(states.map((state) => [keyOf(state), state]));
  for (const state of known.values()) {
    for (const { wrote, to } of await followed(shell, state)) {
      if (wrote) continue;
      const key = keyOf(to);
      if (!known.has(key)) known.set(key, to);
    }
  }
  return [...known.values()];
}

/** The model of just this journal: its plans, its looks, the bounds of the real shell, one worker that may die often. */
function placeOf(entries: Entry[]): { shell: Shell; initial: State } {
  const incident = fold(entries);
  const playbooks = entries.flatMap(({ type, data }): Playbook[] => {
    const matched = data as Matched;
    if (type !== 'matched' || matched.playbook === null) return [];
    const { name, hash, mode } = matched.playbook;
    const steps = matched.plan.map(({ step, options, when }) => ({ step, options, ...(when && { when }) }));
    return [{ name, hash, mode, handles: matched.handles, steps, file: '', places: [], summary: '' }];
  });
  const looks = entries.flatMap(({ type, data }) => (type === 'verified' ? [data as Verified] : []));
  const left = { crashes: 1, takeovers: 0, news: 0, cancels: 0 };
  const scene = sceneOf({ playbooks, server: incident.server, left, retries: 5, sendings: 3, tries: 5 });
  return { ...scene, shell: { ...scene.shell, verifications: looks, facts: incident.facts ?? scene.shell.facts } };
}

/** What of an event decides how it goes on. */
function shapeOf({ type, data }: Pick<Entry, 'type' | 'data'>): string {
  const { n, undo, state, verdict, purpose, health, changed, guard, exhausted, outcome } = data as Record<
    string,
    unknown
  >;
  const why = type === 'slept' && 'for' in data ? data.for : undefined;
  const how = {
    n,
    undo: typeof undo === 'string' ? undo : undefined,
    state,
    verdict,
    purpose,
    health,
    changed,
    exhausted,
    outcome,
    why,
  };
  const about = type === 'held' ? { guard: guard === 'mode' || guard === 'kill-switch' ? guard : 'claim' } : {};
  return JSON.stringify([type, how, about, 'escalate' in data]);
}
