/** The most that any path through the states can cost. */
import { type Cost, grouped, NO_COST, type Transitions } from './explore.ts';

/**
 * The largest sum of each kind of cost from state 0 on. What lies on a cycle is counted once at most: only waiting
 * repeats, and the time spent waiting for people and other servers is not part of the worst case.
 */
export function worstCase(states: number, transitions: Transitions): Cost {
  const { from, to, costs } = transitions;
  const component = components(states, transitions);
  const indexes = grouped(
    states,
    from.map((state) => component[state]!),
    from.map((_, index) => index),
  );
  // Components are numbered in reverse topological order: whatever a component leads to has a smaller number.
  const most: Cost[] = [];
  for (let at = 0; at <= component[0]!; at += 1) {
    const best: Cost = { ...NO_COST };
    const within: Cost = { ...NO_COST };
    for (const index of indexes(at)) {
      const target = component[to[index]!]!;
      const cost = costs[index];
      for (const kind of KINDS) {
        const own = cost?.[kind] ?? 0;
        if (target === at) within[kind] = Math.max(within[kind], own);
        else best[kind] = Math.max(best[kind], own + most[target]![kind]);
      }
    }
    for (const kind of KINDS) best[kind] += within[kind];
    most[at] = best;
  }
  return most[component[0]!]!;
}

const KINDS = ['time', 'serviceRestarts', 'serverRestarts'] as const;

/** The strongly connected component of each state (Tarjan, without recursion). */
function components(states: number, { from, to }: Transitions): Uint32Array {
  const after = grouped(states, from, to);
  const component = new Uint32Array(states);
  const order = new Int32Array(states).fill(-1);
  const low = new Int32Array(states);
  const isOpen = new Uint8Array(states);
  const open: number[] = [];
  let visited = 0;
  let found = 0;
  const path = [{ state: 0, next: 0 }];
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const { state } = top;
    if (top.next === 0) {
      order[state] = low[state] = visited++;
      open.push(state);
      isOpen[state] = 1;
    }
    const later = after(state)[top.next++];
    if (later !== undefined) {
      if (order[later] === -1) path.push({ state: later, next: 0 });
      else if (isOpen[later]) low[state] = Math.min(low[state]!, order[later]!);
      continue;
    }
    path.pop();
    const parent = path.at(-1);
    if (parent) low[parent.state] = Math.min(low[parent.state]!, low[state]!);
    if (low[state] !== order[state]) continue;
    for (let member = open.pop(); member !== undefined; member = member === state ? undefined : open.pop()) {
      component[member] = found;
      isOpen[member] = 0;
    }
    found += 1;
  }
  return component;
}
