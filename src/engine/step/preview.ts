import type { Preview } from '../../incident/event.ts';
import { currentRun, type Incident } from '../../incident/incident.ts';
import { unmetCondition } from '../../incident/next.ts';
import { stepNamed } from '../../steps/index.ts';
import type { Worst } from '../../steps/step.ts';

/** What the rest of the plan would do, starting at step `n`; shown for approval. */
export function previewOf(incident: Incident, n: number): Preview {
  const plan = (currentRun(incident)?.plan ?? []).filter(
    (step) => step.n >= n && !(step.when && unmetCondition(step.when, incident.facts)),
  );
  const instant: Worst = { takes: 0 };
  const worst = plan.map((step) => stepNamed(step.step).worst?.(step.options) ?? instant);
  const bounded = worst.every(({ takes }) => takes !== undefined);
  return {
    steps: plan.map(({ n: at, says, changes }) => ({ n: at, says, changes })),
    ...(bounded && { atMost: worst.reduce((sum, { takes = 0 }) => sum + takes, 0) }),
    disrupts: unique(worst.flatMap(({ disrupts }) => disrupts ?? [])),
    putBack: unique(worst.flatMap(({ putBack }) => putBack ?? [])),
  };
}

const unique = (texts: string[]) => [...new Set(texts)];
