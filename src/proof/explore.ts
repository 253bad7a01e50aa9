/** Visits every state that can be reached, breadth first, so that the first path to each finding is the shortest. */
import { setImmediate as others } from 'node:timers/promises';
import { NotAskedYet } from './answers.ts';

/** One step of the search. `waits`: somebody else must move first, so it may repeat without end. */
export interface Follows<S> {
  /** What happened, in order. */
  says: string[];
  to: S;
  waits: boolean;
  /** What it takes; absent: nothing. */
  cost?: Cost;
}

/** `time`: milliseconds of the organisation's clock. */
export interface Cost {
  time: number;
  serviceRestarts: number;
  serverRestarts: number;
}

export const NO_COST: Readonly<Cost> = { time: 0, serviceRestarts: 0, serverRestarts: 0 };

export interface Model<S, F extends Follows<S>> {
  initial: S;
  follow(state: S): F[];
  keyOf(state: S): string;
  outcomeOf(state: S): string | undefined;
  /** What must not happen and happens here. */
  findings(before: S, follows: F): Found[];
}

export interface Explored {
  states: number;
  /** Number of states in which the incident is finished. */
  ends: number;
  outcomes: Set<string>;
  transitions: Transitions;
  /** Each once. */
  findings: Finding[];
}

/** In columns, because there may be millions. */
export interface Transitions {
  from: number[];
  to: number[];
  waits: boolean[];
  costs: (Cost | undefined)[];
}

/** A broken rule. `n`: the planned step that breaks it. */
export interface Found {
  name: string;
  n?: number;
}

export interface Finding extends Found {
  /** The shortest path to it, in words. */
  path: string[];
}

const NO_END = 'every path ends in an outcome';
const ENDLESS = 'nothing repeats without end unless it waits for somebody';

export class TooManyStates extends Error {
  constructor(limit: number) {
    super(`more than ${limit} states`);
  }
}

/** Milliseconds after which the search gives way: the daemon goes on with its incidents meanwhile. */
const TURN = 10;

/** Throws TooManyStates when there are more than `limit`. */
export async function explore<S, F extends Follows<S>>(model: Model<S, F>, limit: number): Promise<Explored> {
  const known = new Map<string, number>([[model.keyOf(model.initial), 0]]);
  const reachedBy: ({ from: number; says: string[] } | undefined)[] = [undefined];
  const ended: boolean[] = [false];
  const transitions: Transitions = { from: [], to: [], waits: [], costs: [] };
  const outcomes = new Set<string>();
  const findings = new Map<string, Finding>();
  const pathTo = (state: number): string[] => {
    const path: string[] = [];
    for (let by = reachedBy[state]; by; by = reachedBy[by.from]) path.unshift(...by.says);
    return path;
  };

  let turnEnds = performance.now() + TURN;
  let level: { id: number; state: S }[] = [{ id: 0, state: model.initial }];
  while (level.length > 0) {
    const nextLevel: typeof level = [];
    for (const { id, state } of level) {
      if (performance.now() > turnEnds) {
        await others();
        turnEnds = performance.now() + TURN;
      }
      for (const follows of await followed(model, state)) {
        for (const found of model.findings(state, follows)) {
          const key = `${found.name} ${found.n}`;
          if (!findings.has(key)) findings.set(key, { ...found, path: [...pathTo(id), ...follows.says] });
        }
        const key = model.keyOf(follows.to);
        let to = known.get(key);
        if (to === undefined) {
          to = known.size;
          if (to >= limit) throw new TooManyStates(limit);
          known.set(key, to);
          reachedBy.push({ from: id, says: follows.says });
          const outcome = model.outcomeOf(follows.to);
          ended.push(outcome !== undefined);
          if (outcome) outcomes.add(outcome);
          nextLevel.push({ id: to, state: follows.to });
        }
        if (to !== id) {
          transitions.from.push(id);
          transitions.to.push(to);
          transitions.waits.push(follows.waits);
          transitions.costs.push(follows.cost);
        }
      }
    }
    level = nextLevel;
  }

  const stuck = withoutEnd(ended, transitions);
  if (stuck !== undefined) findings.set(NO_END, { name: NO_END, path: pathTo(stuck) });
  const round = endless(ended.length, transitions);
  if (round !== undefined) findings.set(ENDLESS, { name: ENDLESS, path: pathTo(round) });
  return {
    states: known.size,
    ends: ended.filter(Boolean).length,
    outcomes,
    transitions,
    findings: [...findings.values()],
  };
}

/** Steps are asynchronous and the search is not: it repeats once the answer of a step is known. */
export async function followed<S, F extends Follows<S>>(model: Pick<Model<S, F>, 'follow'>, state: S): Promise<F[]> {
  for (;;) {
    try {
      return model.follow(state);
    } catch (error) {
      if (!(error instanceof NotAskedYet)) throw error;
      await error.asking;
    }
  }
}

/** A state from which no end can be reached; undefined when there is none. */
function withoutEnd(ended: boolean[], { from, to }: Transitions): number | undefined {
  const before = grouped(ended.length, to, from);
  const reaches = [...ended];
  const stack = ended.flatMap((isEnd, state) => (isEnd ? [state] : []));
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    for (const earlier of before(state)) {
      if (reaches[earlier]) continue;
      reaches[earlier] = true;
      stack.push(earlier);
    }
  }
  const stuck = reaches.indexOf(false);
  return stuck === -1 ? undefined : stuck;
}

/** A state on a cycle that waits for nobody; undefined when there is none. */
function endless(states: number, transitions: Transitions): number | undefined {
  const moving = transitions.from.flatMap((_, index) => (transitions.waits[index] ? [] : [index]));
  const from = moving.map((index) => transitions.from[index] as number);
  const to = moving.map((index) => transitions.to[index] as number);
  const after = grouped(states, from, to);
  const entering = new Uint32Array(states);
  for (const state of to) entering[state]! += 1;
  const free = Array.from({ length: states }, (_, state) => state).filter((state) => entering[state] === 0);
  for (let state = free.pop(); state !== undefined; state = free.pop()) {
    for (const later of after(state)) {
      entering[later]! -= 1;
      if (entering[later] === 0) free.push(later);
    }
  }
  const cycle = entering.findIndex((left) => left > 0);
  return cycle === -1 ? undefined : cycle;
}

/** The values of each key; `size`: the number of keys, which count from 0. */
export function grouped(
  size: number,
  keys: readonly number[],
  values: readonly number[],
): (key: number) => Uint32Array {
  const starts = new Uint32Array(size + 1);
  for (const key of keys) starts[key + 1]! += 1;
  for (let key = 0; key < size; key += 1) starts[key + 1]! += starts[key]!;
  const filled = starts.slice();
  const all = new Uint32Array(values.length);
  for (const [index, key] of keys.entries()) {
    all[filled[key]!] = values[index]!;
    filled[key]! += 1;
  }
  return (key) => all.subarray(starts[key], starts[key + 1]);
}
