import type { Instant } from './alert.ts';
import type { Finished } from './event.ts';
import type { Incident } from './incident.ts';

/** How a playbook did on a server, newest first where it stands in a list. */
export interface PlaybookRun {
  playbook: string;
  /** What it was then: an edited playbook begins anew. */
  hash: string;
  incident: string;
  server: string;
  at: Instant;
  outcome: string;
  /** A command of it changed something. */
  acted: boolean;
  /** It left behind what was not so before: something could not be put back, a service or server did not come back. */
  harmed: boolean;
}

/** How each playbook of an incident did: one that healed its own monitors has helped, whatever came after. */
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
