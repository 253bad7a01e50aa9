import type { Instant } from './alert.ts';
import type { Finished } from './event.ts';
import type { Incident } from './incident.ts';

/** The result of one playbook run on a server. Lists of these are newest first. */
export interface PlaybookRun {
  playbook: string;
  /** Hash of the playbook at that time; an edited playbook starts a new record. */
  hash: string;
  incident: string;
  server: string;
  at: Instant;
  outcome: string;
  /** Whether one of its commands changed something. */
  acted: boolean;
  /** Whether it left damage: an undo action failed, or a service or server did not come back. */
  harmed: boolean;
}

/**
 * The result of each playbook of an incident. One whose monitors recovered counts as recovered, whatever came later.
 */
export function runsOf(incident: Incident, finished: Finished, at: Instant): PlaybookRun[] {
  return incident.runs.map((run, index) => {
    const own = new Set(run.plan.map((step) => step.n));
    const changing = incident.steps.filter(({ step, end }) => own.has(step.n) && end?.changed);
    const isLast = index === incident.runs.length - 1;
    return {
      playbook: run.playbook,
      hash: run.hash,
      incident: incident.id,
      server: incident.server,
      at,
      outcome: isLast ? finished.outcome : run.healed ? 'recovered' : 'escalated',
      acted: changing.length > 0,
      harmed: (isLast && finished.owed.length > 0) || changing.some(({ state }) => state !== 'done'),
    };
  });
}
