/** A playbook as it runs: after defaults and lists, and where each of its values comes from. */
import { writePlace } from '../config/problems.ts';
import { writeDuration } from '../config/schema.ts';
import type { Playbook } from '../incident/plan.ts';
import type { StepLanguage } from './language.ts';

export interface EffectiveStep {
  n: number;
  step: string;
  /** `file:line:column`, and where the list is used in which the step is, the nearest use first. */
  at: string;
  usedAt: string[];
  when?: Record<string, unknown>;
  options: EffectiveValue[];
}

export interface EffectiveValue {
  name: string;
  /** In its written form: `10m`. */
  value: unknown;
  /** `file`, `default` of the step, or the key of the configuration. */
  from: string;
}

export function effectiveSteps({ steps, places }: Playbook, language: readonly StepLanguage[]): EffectiveStep[] {
  return steps.map(({ step, options, when }, index) => {
    const { written = [], defaults = [], usedAt = [], ...place } = places[index]!;
    const schema = language.find(({ name }) => name === step)?.options;
    const from = (option: string) => {
      if (written.includes(option)) return 'file';
      return defaults.includes(option) ? `playbooks.defaults.steps.${step}.${option}` : 'default';
    };
    return {
      n: index + 1,
      step,
      at: writePlace(place),
      usedAt: usedAt.map(writePlace),
      ...(when && { when: { ...when } }),
      options: Object.entries(options)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => ({ name, value: asWritten(value, schema?.shape[name]), from: from(name) })),
    };
  });
}

/** A duration with its unit, everything else as it is. */
function asWritten(value: unknown, schema: StepLanguage['options']['shape'][string] | undefined): unknown {
  if (typeof value !== 'number' || !schema) return value;
  const text = writeDuration(value);
  return (schema as { safeParse?: (given: unknown) => { success: boolean } }).safeParse?.(text).success ? text : value;
}
