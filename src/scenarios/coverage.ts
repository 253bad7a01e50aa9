/** Which playbooks, and which of their steps, were never reached. */
import type { Entry, IncidentEvent } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { FilePlace, Playbook } from '../incident/plan.ts';
import { stepNamed } from '../steps/index.ts';

/** What no scenario reached. */
export interface Uncovered {
  playbook: string;
  file: string;
  /** None: no scenario chose the playbook at all. */
  steps: ({ n: number; step: string } & FilePlace)[];
}

export interface Coverage {
  /** For every entry that is appended, with the incident after it. */
  onEntry(incident: Incident, entry: Pick<Entry, 'type' | 'data'>): void;
  uncovered(): Uncovered[];
}

export function createCoverage(playbooks: readonly Playbook[]): Coverage {
  const reached = new Map<string, Set<number>>();
  return {
    onEntry(incident, entry) {
      const event = entry as IncidentEvent;
      if (event.type === 'matched' && event.data.playbook) {
        const { name } = event.data.playbook;
        if (!reached.has(name)) reached.set(name, new Set());
      }
      // A step that was skipped or refused did nothing that a scenario could have checked.
      const ran = event.type === 'stepStarted' || (event.type === 'stepFinished' && event.data.state === 'done');
      if (!ran) return;
      const run = incident.runs.find(({ plan }) => plan.some((step) => step.n === event.data.n));
      const playbook = playbooks.find(({ name }) => name === run?.playbook);
      if (!run || !playbook) return;
      const index = linesOfPlan(playbook, incident)[run.plan.findIndex((step) => step.n === event.data.n)];
      if (index !== undefined) reached.get(run.playbook)?.add(index);
    },
    uncovered: () =>
      playbooks.flatMap((playbook): Uncovered[] => {
        const { name, file, steps, places } = playbook;
        const known = reached.get(name);
        const missed = steps.flatMap(({ step }, index) => {
          const place = places[index];
          if (known?.has(index) || !place) return [];
          return [{ n: index + 1, step, file: place.file, line: place.line, column: place.column, path: place.path }];
        });
        if (known && missed.length === 0) return [];
        return [{ playbook: name, file, steps: known ? missed : [] }];
      }),
  };
}

/** For each planned step, the line of the playbook that it comes from: a list of services becomes several steps. */
function linesOfPlan({ steps }: Playbook, { facts }: Incident): number[] {
  return steps.flatMap(({ step, options }, index) => {
    const expanded = facts && stepNamed(step).expand?.(options, facts);
    return new Array<number>(expanded?.length ?? 1).fill(index);
  });
}
