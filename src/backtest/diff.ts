/** What two versions of playbooks do differently: a difference in meaning, not in text. */
import { writeDuration } from '../config/schema.ts';
import { monitorName } from '../incident/health.ts';
import type { Condition, Playbook, StepSpec } from '../incident/plan.ts';
import { span } from '../lib/span.ts';
import type { Proof } from '../proof/prove.ts';
import { stepNamed } from '../steps/index.ts';
import { align, differingOptions, sameStep } from './align.ts';

export interface Change {
  what: 'playbook' | 'mode' | 'monitors' | 'step' | 'options' | 'condition' | 'worst-case' | 'stays-changed' | 'proof';
  /** In words. */
  says: string;
}

export interface PlaybookDiff {
  playbook: string;
  is: 'added' | 'removed' | 'changed';
  changes: Change[];
}

/** The playbooks that differ, in the order of the new version; those that are gone come last. */
export async function diff(
  before: readonly Playbook[],
  after: readonly Playbook[],
  prove: (playbook: Playbook) => Promise<Proof>,
): Promise<PlaybookDiff[]> {
  const diffs: PlaybookDiff[] = [];
  for (const playbook of after) {
    const old = before.find(({ name }) => name === playbook.name);
    const changes = old
      ? changesOf(old, playbook)
      : [{ what: 'playbook' as const, says: `is new: ${playbook.summary}` }];
    if (changes.length === 0) continue;
    if (old) changes.push(...proofChanges(await prove(old), await prove(playbook)));
    diffs.push({ playbook: playbook.name, is: old ? 'changed' : 'added', changes });
  }
  const gone = before.filter(({ name }) => !after.some((one) => one.name === name));
  return [
    ...diffs,
    ...gone.map(({ name, summary }) => ({
      playbook: name,
      is: 'removed' as const,
      changes: [{ what: 'playbook' as const, says: `is gone: ${summary}` }],
    })),
  ];
}

function changesOf(before: Playbook, after: Playbook): Change[] {
  const changes: Change[] = [];
  if (before.mode !== after.mode) changes.push({ what: 'mode', says: `mode: ${before.mode} → ${after.mode}` });
  const [had, has] = [before.handles.map(monitorName), after.handles.map(monitorName)];
  changes.push(
    ...has.filter((name) => !had.includes(name)).map((name) => monitors(`also handles ${name}`)),
    ...had.filter((name) => !has.includes(name)).map((name) => monitors(`no longer handles ${name}`)),
    ...stepChanges(before.steps, after.steps),
  );
  return changes;
}

const monitors = (says: string): Change => ({ what: 'monitors', says });
const step = (says: string): Change => ({ what: 'step', says });

function stepChanges(before: readonly StepSpec[], after: readonly StepSpec[]): Change[] {
  const equal = (a: StepSpec, b: StepSpec) => sameStep(a, b) && inWords(a.when) === inWords(b.when);
  const pairs = align(before, after, equal);
  const gone = pairs.flatMap(({ old, new: to }) => (to === undefined && old !== undefined ? [old] : []));
  const changes: Change[] = [];
  for (const { old, new: to } of pairs) {
    if (to === undefined) continue;
    const now = after[to]!;
    const was = old === undefined ? undefined : before[old]!;
    if (was && !equal(was, now)) changes.push(...differences(was, now, to));
    if (was) continue;
    const from = gone.findIndex((index) => equal(before[index]!, now));
    if (from === -1) changes.push(step(`step ${to + 1} is new: ${named(now)}`));
    else changes.push(step(`step ${to + 1} was step ${gone.splice(from, 1)[0]! + 1}: ${named(now)}`));
  }
  return [...changes, ...gone.map((index) => step(`step ${index + 1} is gone: ${named(before[index]!)}`))];
}

/** Two steps of the same kind. */
function differences(was: StepSpec, now: StepSpec, index: number): Change[] {
  const place = `step ${index + 1} (${now.step})`;
  const options = differingOptions(was, now).map((name): Change => {
    const value = (spec: StepSpec) => valueInWords(spec.step, name, spec.options[name]);
    return { what: 'options', says: `${place}: ${name}: ${value(was)} → ${value(now)}` };
  });
  const [before, after] = [inWords(was.when), inWords(now.when)];
  if (before === after) return options;
  return [...options, { what: 'condition', says: `${place}: when: ${before} → ${after}` }];
}

function named({ step: kind, options, when }: StepSpec): string {
  const says = stepNamed(kind).says(options);
  return `${kind}${says === kind ? '' : ` (${says})`}${when ? ` when ${inWords(when)}` : ''}`;
}

function inWords(when: Condition = {}): string {
  const parts = Object.entries(when).map(([key, value]) => `${key}: ${[value].flat().join(', ')}`);
  return parts.sort().join('; ') || 'always';
}

/** A duration as it is written in a playbook; everything else as JSON. */
function valueInWords(kind: string, option: string, value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  const written = writeDuration(value);
  const isDuration = stepNamed(kind).options.shape[option]?.safeParse(written).success;
  return isDuration ? written : String(value);
}

function proofChanges(before: Proof, after: Proof): Change[] {
  const figures = [
    ['at worst', span(before.worst.time), span(after.worst.time)],
    ['service restarts at most', before.worst.serviceRestarts, after.worst.serviceRestarts],
    ['reboots at most', before.worst.serverRestarts, after.worst.serverRestarts],
  ] as const;
  return [
    ...figures
      .filter(([, was, is]) => was !== is)
      .map(([name, was, is]): Change => ({ what: 'worst-case', says: `${name}: ${was} → ${is}` })),
    ...after.left
      .filter((says) => !before.left.includes(says))
      .map((says): Change => ({ what: 'stays-changed', says: `may now stay changed: ${says}` })),
    ...before.left
      .filter((says) => !after.left.includes(says))
      .map((says): Change => ({ what: 'stays-changed', says: `can no longer stay changed: ${says}` })),
    ...after.problems
      .filter(({ message }) => !before.problems.some((one) => one.message === message))
      .map(({ message }): Change => ({ what: 'proof', says: `does not pass the proof any more: ${message}` })),
  ];
}
