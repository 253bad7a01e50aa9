/** Writes journal entries to the log and counts them. */

import type { Entry, IncidentEvent } from '../../incident/event.ts';
import { disruptionOf } from '../../incident/planned-change.ts';
import type { IncidentView } from '../../incident/view.ts';
import type { Head } from '../../ports/journal.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** The head of a finished chain is logged, so that it also exists outside the store. */
export function logEntry(logger: Logger, entry: Entry, view: IncidentView, head: Head): void {
  const { level, message } = describe(entry, view);
  const proof = entry.type === 'finished' ? { head: `${head.seq}:${head.hash}` } : {};
  logger.log(level, message, { incident: view.id, ...proof });
}

/**
 * Counts one entry. Call it once per entry, on the worker that appended it, with the view of the incident after it.
 */
export function countEntry(metrics: Metrics, entry: Entry, view: IncidentView): void {
  const health_set = metrics.healthSetLabel(view.healthSet);
  const playbook = view.playbook?.name ?? 'none';
  const event = { type: entry.type, data: entry.data } as IncidentEvent;
  switch (event.type) {
    case 'opened':
      metrics.incidentsOpened.inc({ health_set });
      return;
    case 'verified': {
      const { verdict, purpose } = event.data;
      metrics.verifications.inc({ health_set, verdict });
      // Later first verifications belong to the next playbook of the same incident.
      const isFirst = purpose === 'first' && view.playbook === undefined && verdict !== 'inconclusive';
      if (isFirst) metrics.timeToVerdict.observe(seconds(view.openedAt, entry.at));
      return;
    }
    case 'held':
      metrics.guardDecisions.inc({ guard: event.data.guard, decision: 'wait', reason: event.data.reason });
      return;
    case 'stepStarted': {
      const { intent, slot } = event.data;
      const action = intent && disruptionOf(intent);
      if (action) metrics.disruptiveActions.inc({ group: slot ?? 'none', action });
      return;
    }
    case 'stepFinished': {
      const { n, state, guard } = event.data;
      const step = view.steps.find((each) => each.n === n)?.step ?? 'unknown';
      metrics.steps.inc({ playbook, step, result: state });
      if (guard) metrics.guardDecisions.inc({ guard: guard.name, decision: 'refuse', reason: guard.reason });
      return;
    }
    case 'finished': {
      const { outcome } = event.data;
      metrics.incidentsFinished.inc({ health_set, playbook, outcome });
      metrics.incidentDuration.observe({ outcome }, seconds(view.openedAt, entry.at));
      return;
    }
    default:
      // Other events have no counter; gauges are read at each scrape.
      return;
  }
}

const seconds = (from: number, to: number) => Math.max(0, (to - from) / 1000);
