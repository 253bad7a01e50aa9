/** Which step of one plan corresponds to which step of another. */
import type { Condition, StepSpec } from '../incident/plan.ts';
import { STEPS, stepNamed } from '../steps/index.ts';

/** Indexes of two corresponding steps; one is absent for a step that only the other plan has. */
export type Pair = { old: number; new: number } | { old: number; new?: never } | { old?: never; new: number };

/** A pair of equal steps outweighs any number of pairs that are only of the same kind. */
const EQUAL = 1_000;
const SAME_KIND = 1;

/** The alignment with the most equal steps, and among those the one with the most steps of the same kind. */
export function align<T extends StepSpec>(
  before: readonly T[],
  after: readonly T[],
  equal: (a: T, b: T) => boolean,
): Pair[] {
  const worth = (a: T, b: T) => (equal(a, b) ? EQUAL : a.step === b.step ? SAME_KIND : 0);
  // best[i][j]: the most that before[i…] and after[j…] are worth together.
  const best = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const pair = worth(before[i]!, after[j]!);
      const together = pair > 0 ? pair + best[i + 1]![j + 1]! : 0;
      best[i]![j] = Math.max(together, best[i + 1]![j]!, best[i]![j + 1]!);
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const pair = i < before.length && j < after.length ? worth(before[i]!, after[j]!) : 0;
    if (pair > 0 && best[i]![j] === pair + best[i + 1]![j + 1]!) pairs.push({ old: i++, new: j++ });
    else if (j >= after.length || (i < before.length && best[i]![j] === best[i + 1]![j])) pairs.push({ old: i++ });
    else pairs.push({ new: j++ });
  }
  return pairs;
}

/** Whether both send the same commands and ask the same questions, on a server where both apply. */
export function sameStep(a: StepSpec, b: StepSpec): boolean {
  return a.step === b.step && differingOptions(a, b).length === 0 && sameHealth(a.when, b.when);
}

/** The conditions that only a verification can decide. */
function sameHealth(a: Condition = {}, b: Condition = {}): boolean {
  return a.healthy === b.healthy && a.unhealthy === b.unhealthy;
}

/** Names of options with different values. An option that an older plan does not have yet has its default. */
export function differingOptions(a: StepSpec, b: StepSpec): string[] {
  const names = new Set([...Object.keys(a.options), ...Object.keys(b.options)]);
  const value = ({ step, options }: StepSpec, name: string) => JSON.stringify(options[name] ?? usual(step, name));
  return [...names].filter((name) => a.options[name] !== b.options[name] && value(a, name) !== value(b, name));
}

/** The default of an option; undefined if it is required, or if the step no longer exists. */
function usual(step: string, option: string): unknown {
  if (!STEPS.some(({ name }) => name === step)) return undefined;
  const schema = stepNamed(step).options.shape[option];
  const result = schema?.safeParse(undefined);
  return result?.success ? result.data : undefined;
}
