import { demote } from '../incident/plan.ts';
import type { PlaybookRun } from '../incident/runs.ts';
import type { Trust } from '../ports/store.ts';
import { ALLOW, type Guard } from './guard.ts';
import { ask, modeOn, PLAN_APPROVED, wouldHaveDone } from './mode.ts';

/**
 * Demotes a playbook that did not help recently: after several consecutive runs that changed something without a
 * recovery, or one that left damage, it asks a person first; after as many more it only observes. A recovery, an edit
 * of the playbook or a person's trust restores it.
 */
export const trust: Guard = {
  name: 'trust',
  reasons: ['demoted', 'distrusted'],
  requires: 'the last runs of this playbook helped',
  async judge(context) {
    const { incident, run, organisation, settings, store } = context;
    // A run that has started to change something is not stopped half-way; a child is part of its parent's run.
    if (incident.changed || incident.parent || settings.trustRuns === 0) return ALLOW;
    const { runs, trusted } = await store.runs(organisation.id, run.playbook);
    const down = demotion(runs, run.hash, trusted, settings.trustRuns);
    if (down === 0) return ALLOW;
    const left = demote(modeOn(context).mode, down);
    const why = `Its last runs did not help (${failuresOf(runs, run.hash, trusted)
      .slice(0, settings.trustRuns)
      .map(({ incident: id }) => id)
      .join(', ')})`;
    const advice = `find out why, then trust it again: second-responder playbooks trust ${run.playbook}`;
    if (left === 'observe') {
      const says = `Playbook ${run.playbook} is not trusted to act. ${why}; ${advice}. ${wouldHaveDone(context)}`;
      return { answer: 'refuse', reason: 'distrusted', says };
    }
    return ask(
      context,
      'demoted',
      `Playbook ${run.playbook} waits for a person's approval. ${why}; ${advice}`,
      PLAN_APPROVED,
    );
  },
};

/** The number of levels by which the mode of a playbook is reduced. */
export function demotion(
  runs: readonly PlaybookRun[],
  hash: string,
  trusted: Trust | undefined,
  limit: number,
): number {
  if (limit === 0) return 0;
  const failures = failuresOf(runs, hash, trusted);
  const harm = failures.some((run) => run.harmed) ? 1 : 0;
  return Math.min(2, Math.max(harm, Math.floor(failures.length / limit)));
}

/**
 * The latest runs that changed something and did not recover, newest first, since the last recovery, edit, or trust.
 */
export function failuresOf(runs: readonly PlaybookRun[], hash: string, trusted: Trust | undefined): PlaybookRun[] {
  const counted = runs.filter((run) => run.hash === hash && run.acted && run.at > (trusted?.at ?? 0));
  const last = counted.findIndex((run) => run.outcome === 'recovered');
  return last < 0 ? counted : counted.slice(0, last);
}
