/** The explorer of the proof, on states of two workers. Throws at the first broken invariant, with the shortest path. */
import { createHash } from 'node:crypto';
import { view } from '../../src/incident/view.ts';
import { type Explored, explore as exploreAll, type Found, followed as followedBy } from '../../src/proof/explore.ts';
import { brokenInvariants, reportsEveryChange } from '../../src/proof/invariants.ts';
import type { Shell } from '../../src/proof/shell.ts';
import { type Follows, follow } from './follow.ts';
import { keyOf, type State } from './state.ts';

export async function explore(shell: Shell, initial: State): Promise<Explored> {
  const explored = await exploreAll<State, Follows>(
    {
      initial,
      follow: (state) => follow(shell, state),
      keyOf: (state) => createHash('sha1').update(keyOf(state)).digest('base64'),
      outcomeOf: ({ incident }) => incident.finished?.outcome,
      findings: broken,
    },
    3_000_000,
  );
  const [wrong] = explored.findings;
  if (wrong) throw new Error(`${wrong.name}\n${wrong.path.map((says, index) => `  ${index + 1}. ${says}`).join('\n')}`);
  return explored;
}

export const followed = (shell: Shell, state: State): Promise<Follows[]> =>
  followedBy({ follow: (from: State) => follow(shell, from) }, state);

/** With two workers, more can go wrong. */
function broken(before: State, follows: Follows): Found[] {
  const { arrived, to } = follows;
  const twice = arrived?.effect === 'changed' && to.exchange.effects[arrived.caller] !== 1;
  return [
    ...brokenInvariants(before, follows),
    ...(canBeShown(to) ? [] : ['it can be shown']),
    ...(twice ? ['the command of a step or an undo takes effect at most once'] : []),
    ...(isQuiet(to) && !reportsEveryChange(to) ? ['the end names everything that is still changed'] : []),
  ].map((name) => ({ name }));
}

function canBeShown({ incident }: State): boolean {
  const { state, outcome } = view(incident);
  return (state === 'finished') === (outcome !== undefined);
}

/** It is over, no worker is busy with it, and no command is on its way. */
function isQuiet({ incident, workers, exchange }: State): boolean {
  return incident.finished !== undefined && exchange.flying.length === 0 && workers.every(({ at }) => at === 'rest');
}
