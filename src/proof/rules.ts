/** The mistakes that a playbook can make although each of its lines is valid. */
import { currentRun } from '../incident/incident.ts';
import { severityOf } from './state.ts';
import type { Part } from './successors.ts';

export interface Rule {
  name: string;
  /** What to change in the file. */
  hint: string;
  /** The number of the planned step that breaks it; undefined when it holds. */
  brokenBy(part: Part): number | undefined;
}

export const RULES: readonly Rule[] = [
  {
    name: 'restarts the server although nothing proves that no database copy is active on it',
    hint: 'add "- fail-over-databases" and "- confirm-no-active-copies" before it, and no step that allows activation again',
    brokenBy({ before: { incident, seen }, wrote }) {
      if (wrote?.type !== 'stepStarted' || wrote.data.intent?.command !== 'Restart-Computer') return undefined;
      return incident.facts?.roles.includes('mailbox') && !seen.noActiveCopies ? wrote.data.n : undefined;
    },
  },
  {
    name: 'disturbs users more than the restart or script before it, although nothing verified whether that helped',
    hint: 'add "- recheck" before it',
    brokenBy({ before: { seen }, wrote }) {
      if (wrote?.type !== 'stepStarted' || !wrote.data.intent || seen.unverified === 0) return undefined;
      return severityOf(wrote.data.intent.command) > seen.unverified ? wrote.data.n : undefined;
    },
  },
  {
    name: 'wakes a person although nothing verified whether the last restart or script helped',
    hint: 'add "- recheck" after it',
    brokenBy({ before: { incident, seen }, wrote }) {
      if (wrote?.type === 'held' && wrote.data.role && seen.unverified > 0) return wrote.data.n;
      if (wrote?.type !== 'finished' || wrote.data.outcome !== 'escalated' || seen.unverified === 0) return undefined;
      const last = incident.steps.at(-1);
      const ranOut = currentRun(incident) && (incident.conclusion === undefined || incident.conclusion.exhausted);
      return ranOut && incident.verified?.verdict === 'confirmed' ? last?.step.n : undefined;
    },
  },
];
