/** Goes through every state that can be reached, breadth first, and holds the invariants to each. */
import { createHash } from 'node:crypto';
import { NotAskedYet } from './ask.ts';
import { type Follows, follow } from './follow.ts';
import { broken } from './invariants.ts';
import type { Shell } from './shell.ts';
import { keyOf, type State } from './state.ts';

export interface Explored {
  states: number;
  transitions: number;
  /** States in which the incident is over. */
  ends: number;
  outcomes: Set<string>;
}

/** Throws at the first broken invariant, with the shortest way to it. */
export async function explore(shell: Shell, initial: State, limit = 3_000_000): Promise<Explored> {
  const known = new Map<string, number>([[digest(initial), 0]]);
  const from: number[] = [-1];
  const by: string[] = [''];
  const ended: boolean[] = [false];
  const edges = { from: [] as number[], to: [] as number[], waits: [] as boolean[] };
  const outcomes = new Set<string>();
  const way = (state: number, last?: string) => pathTo(state, from, by, last);

  let now: { id: number; state: State }[] = [{ id: 0, state: initial }];
  while (now.length > 0) {
    const then: typeof now = [];
    for (const { id, state } of now) {
      for (const follows of await followed(shell, state)) {
        const wrong = broken(state, follows);
        if (wrong) throw new Error(`${wrong}\n${way(id, follows.says)}`);
        const key = digest(follows.to);
        let to = known.get(key);
        if (to === undefined) {
          to = known.size;
          if (to >= limit) throw new Error(`more than ${limit} states`);
          known.set(key, to);
          from.push(id);
          by.push(follows.says);
          const { finished } = follows.to.incident;
          ended.push(finished !== undefined);
          if (finished) outcomes.add(finished.outcome);
          then.push({ id: to, state: follows.to });
        }
        if (to !== id) {
          edges.from.push(id);
          edges.to.push(to);
          edges.waits.push(follows.waits);
        }
      }
    }
    now = then;
  }

  const stuck = withoutEnd(ended, edges);
  if (stuck !== undefined) throw new Error(`no end can be reached any more\n${way(stuck)}`);
  const round = endless(ended.length, edges);
  if (round !== undefined) throw new Error(`it goes round and round, though nobody is waited for\n${way(round)}`);
  return { states: known.size, transitions: edges.to.length, ends: ended.filter(Boolean).length, outcomes };
}

export async function followed(shell: Shell, state: State): Promise<Follows[]> {
  for (;;) {
    try {
      return follow(shell, state);
    } catch (error) {
      if (!(error instanceof NotAskedYet)) throw error;
      await error.asking;
    }
  }
}

interface Edges {
  from: number[];
  to: number[];
  waits: boolean[];
}

/** A state from which no end can be reached; undefined when there is none. */
function withoutEnd(ended: boolean[], { from, to }: Edges): number | undefined {
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

/** A state on a round that can be gone without waiting for anybody; undefined when there is none. */
function endless(states: number, edges: Edges): number | undefined {
  const moving = edges.from.flatMap((_, edge) => (edges.waits[edge] ? [] : [edge]));
  const from = moving.map((edge) => edges.from[edge] as number);
  const to = moving.map((edge) => edges.to[edge] as number);
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
  const round = entering.findIndex((left) => left > 0);
  return round === -1 ? undefined : round;
}

/** Which values belong to each key. */
function grouped(size: number, keys: number[], values: number[]): (key: number) => Uint32Array {
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

function pathTo(state: number, from: number[], by: string[], last?: string): string {
  const steps = last === undefined ? [] : [last];
  for (let at = state; at > 0; at = from[at] as number) steps.unshift(by[at] as string);
  return steps.map((says, index) => `  ${index + 1}. ${says}`).join('\n');
}

const digest = (state: State) => createHash('sha1').update(keyOf(state)).digest('base64');
