/** What drawings of a playbook show: a list with early exits and conditional stretches, so it needs no layout of a general graph. */
import type { ExplainedStep, Explanation } from '../ports/explanation.ts';
import { shown } from './document.ts';

export interface Flow {
  title: string;
  summary: string;
  steps: FlowStep[];
  /** Neighbouring steps with one condition; `from` and `to` count from 0. */
  conditions: { from: number; to: number; text: string }[];
  /** Whether a person is notified after the last step: false if the last step does just that. */
  endsWithPerson: boolean;
  putBack: string[];
}

export interface FlowStep {
  name: string;
  text: string;
  from?: string;
  is: 'change' | 'check' | 'other';
  /** It may end the playbook with a person. */
  mayBeRefused: boolean;
}

export function flowOf({ playbook, summary, steps, putBack }: Explanation): Flow {
  return {
    title: `Flow of playbook ${shown(playbook)}`,
    summary: shown(summary),
    steps: steps.map(flowStep),
    conditions: conditionsOf(steps),
    endsWithPerson: steps.at(-1)?.step !== 'escalate',
    putBack: putBack.map(({ step, when }) => `What step ${step} changes is put back ${shown(when)}.`),
  };
}

function flowStep({ n, step, does, from, changes, verifies, results }: ExplainedStep): FlowStep {
  return {
    name: `${n} · ${step}`,
    text: shown(does),
    ...(from && { from: shown(from) }),
    is: changes ? 'change' : verifies ? 'check' : 'other',
    mayBeRefused: changes || verifies || results.some((result) => result.startsWith('Refused')),
  };
}

function conditionsOf(steps: ExplainedStep[]): Flow['conditions'] {
  const conditions: Flow['conditions'] = [];
  for (const [index, { when }] of steps.entries()) {
    const last = conditions.at(-1);
    if (when === undefined) continue;
    if (last && last.to === index - 1 && last.text === shown(when)) last.to = index;
    else conditions.push({ from: index, to: index, text: shown(when) });
  }
  return conditions;
}
