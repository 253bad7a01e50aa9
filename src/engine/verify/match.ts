import type { Matched } from '../../incident/event.ts';
import { isMonitor, type MonitorRef, monitorName, type ServerFacts } from '../../incident/health.ts';
import type { Incident } from '../../incident/incident.ts';
import type { PlannedStep, Playbook } from '../../incident/plan.ts';
import { type Restriction, restrictedOn } from '../../incident/restrictions.ts';
import { stepNamed } from '../../steps/index.ts';
import type { Catalog } from '../../verification/catalog.ts';

/**
 * Chooses the playbook for the most basic unhealthy monitor whose playbook has not run yet, and plans it for this
 * server. One playbook at a time: the others wait.
 */
export function match(
  incident: Incident,
  playbooks: readonly Playbook[],
  catalog: Catalog,
  restrictions: readonly Restriction[] = [],
): Matched {
  const unhealthy: MonitorRef[] = (incident.verified?.monitors ?? [])
    .filter((monitor) => monitor.verdict === 'confirmed')
    .sort((a, b) => catalog.rank(a) - catalog.rank(b));
  const ran = new Set(incident.runs.map((run) => run.playbook));
  for (const monitor of unhealthy) {
    const playbook = playbooks.find((candidate) => handles(candidate, monitor));
    if (!playbook || ran.has(playbook.name)) continue;
    const { name, hash, mode } = playbook;
    const restricted = restrictedOn(restrictions, name, [factsIn(incident)]);
    return {
      playbook: { name, hash, mode, ...(restricted && { restricted }) },
      handles: unhealthy
        .filter((other) => handles(playbook, other))
        .map(({ healthSet, monitor, targetResource }) => ({
          healthSet,
          monitor,
          ...(targetResource !== undefined && { targetResource }),
        })),
      plan: planOf(playbook, factsIn(incident), incident.steps.length),
    };
  }
  const treated = unhealthy.filter((monitor) => playbooks.some((one) => ran.has(one.name) && handles(one, monitor)));
  const names = unhealthy.map(monitorName).join(', ');
  const reason =
    treated.length > 0
      ? `${names} unhealthy again after a recovery by playbook ${[...ran].join(', ')}`
      : `No playbook handles ${names}`;
  return { playbook: null, reason };
}

function handles(playbook: Playbook, monitor: MonitorRef): boolean {
  return playbook.handles.some((pattern) => isMonitor(pattern, monitor));
}

function factsIn({ id, facts }: Incident): ServerFacts {
  if (!facts) throw new Error(`incident ${id} was matched before it was verified`);
  return facts;
}

/** The plan of a playbook for one server: one step per command, numbered after the incident's earlier steps. */
export function planOf(playbook: Playbook, facts: ServerFacts, after = 0): PlannedStep[] {
  let n = after;
  return playbook.steps.flatMap((spec) => {
    const step = stepNamed(spec.step);
    const expanded = step.expand ? step.expand(spec.options, facts) : [spec.options];
    return expanded.map((options) => {
      n += 1;
      return {
        ...spec,
        options,
        n,
        changes: step.changes,
        ...(step.verifies && { verifies: true }),
        says: step.says(options),
      };
    });
  });
}
