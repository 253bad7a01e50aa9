/** Reads the list under `steps:`, with its nested lists, into one flat list in which every step has its condition. */
import { isObject } from '../config/data.ts';
import { didYouMean, type Path, type Place, zodProblems } from '../config/problems.ts';
import type { Condition, StepComment, StepSpec } from '../incident/plan.ts';
import { readCondition } from './conditions.ts';
import type { StepEnvironment, StepLanguage } from './language.ts';
import type { Lists } from './lists.ts';
import { createReading, type StepReading } from './reading.ts';
import { readScript, scriptsFor, wrongValues } from './scripts.ts';

/** The only step that the language knows by name: it always ends the playbook. */
const LAST_STEP = 'escalate';

/** Keys of an entry that are not steps. */
const FRAME = ['when', 'steps', 'use'];

/** The most steps of a playbook; lists that use one another twice would multiply them without end. */
const MOST_STEPS = 500;

/** A step, where it is in its file, and which of its options are written there or defaults of the organisation. */
export interface ReadStep {
  spec: StepSpec;
  place: Place;
  comments: StepComment[];
  defaults: string[];
  written: string[];
}

export function readSteps(entries: unknown[], path: Path, around: Condition, reading: StepReading): ReadStep[] {
  const ending = entries.findIndex((entry) => alwaysEnds(entry, reading.lists));
  if (ending >= 0 && ending < entries.length - 1) {
    const entry = entries[ending];
    const by = isObject(entry) && 'use' in entry ? `list "${entry.use}"` : `"${LAST_STEP}"`;
    reading.complain([...path, ending + 1], `is never reached: ${by} before it ends the playbook`);
  }
  return entries.flatMap((entry, index) => {
    const read = readEntry(entry, [...path, index], around, reading);
    const text = reading.commentOf([...path, index]);
    return read.map((step, at) => ({ ...step, comments: [{ text, at, of: read.length }, ...step.comments] }));
  });
}

function alwaysEnds(entry: unknown, lists: Lists): boolean {
  if (entry === LAST_STEP) return true;
  if (!isObject(entry) || 'when' in entry) return false;
  return 'use' in entry ? lists.ends(String(entry.use), (one) => alwaysEnds(one, lists)) : LAST_STEP in entry;
}

function readEntry(entry: unknown, path: Path, around: Condition, reading: StepReading): ReadStep[] {
  if (typeof entry === 'string') return readStep(entry, null, path, around, reading);
  if (!isObject(entry)) {
    reading.complain(path, 'must be a step, such as "recheck" or "restart-service: MSExchangeIMAP4"');
    return [];
  }
  const names = Object.keys(entry).filter((key) => !FRAME.includes(key));
  const when = 'when' in entry ? readCondition(entry.when, [...path, 'when'], around, reading) : around;
  if ('use' in entry) return readUse(entry, path, when, reading);
  if ('steps' in entry) return readGroup(entry, names, path, when, reading);
  const [name, second] = names;
  if (name === undefined) {
    reading.complain(path, 'names no step', 'add the step, or "steps:" with a list');
    return [];
  }
  if (second !== undefined) {
    reading.complainAtKey([...path, second], `is in the same entry as "${name}"`, hintForSecond(second, name, reading));
    return [];
  }
  return readStep(name, entry[name], [...path, name], when, reading);
}

/** A second key means a missing dash, or an option that is not indented. */
function hintForSecond(second: string, name: string, { steps }: StepReading): string {
  const step = steps.find((candidate) => candidate.name === name);
  if (step && second in step.options.shape) return `write "${name}: { ${second}: … }"`;
  return didYouMean(second, FRAME) ?? 'give each step a dash of its own';
}

function readGroup(
  entry: Record<string, unknown>,
  names: string[],
  path: Path,
  when: Condition,
  reading: StepReading,
): ReadStep[] {
  const inside = [...path, 'steps'];
  for (const name of names)
    reading.complainAtKey([...path, name], 'is not allowed next to "steps:"', 'move it into the list');
  if (!('when' in entry)) reading.complain(inside, 'needs a "when:" next to it', 'or move its steps to the outer list');
  if (!Array.isArray(entry.steps) || entry.steps.length === 0) {
    reading.complain(inside, 'must be a list with at least one step');
    return [];
  }
  return readSteps(entry.steps, inside, when, reading);
}

/** Counts a step, or a use. The first one too many is a problem. */
function isTooLong(path: Path, { count, complainAtKey }: StepReading): boolean {
  count.steps += 1;
  if (count.steps === MOST_STEPS + 1) complainAtKey(path, `is step ${MOST_STEPS + 1} through all lists: too many`);
  return count.steps > MOST_STEPS;
}

/** The steps of a list, in place of the entry that uses it. */
function readUse(entry: Record<string, unknown>, path: Path, when: Condition, reading: StepReading): ReadStep[] {
  const at = [...path, 'use'];
  const { use: name } = entry;
  for (const other of Object.keys(entry).filter((key) => key !== 'use' && key !== 'when')) {
    reading.complainAtKey([...path, other], 'is not allowed next to "use:"', 'give each entry a dash of its own');
  }
  if (typeof name !== 'string') {
    reading.complain(at, 'must be the name of a list');
    return [];
  }
  const list = reading.lists.use(name);
  if (!list) {
    reading.complain(at, `there is no list "${name}"`, reading.lists.hintFor(name));
    return [];
  }
  if (reading.within.includes(name)) {
    const ring = [...reading.within.slice(reading.within.indexOf(name)), name].join(' → ');
    reading.complain(at, `list "${name}" uses itself: ${ring}`, 'remove one of these uses');
    return [];
  }
  if (isTooLong(at, reading)) return [];
  const inside = {
    within: [...reading.within, name],
    usedAt: [reading.ownPlace(at), ...reading.usedAt],
    count: reading.count,
  };
  return readSteps(list.steps, ['steps'], when, createReading(reading, list.source, reading.problems, inside));
}

/** `path`: the position of its options. */
function readStep(name: string, value: unknown, path: Path, when: Condition, reading: StepReading): ReadStep[] {
  if (isTooLong(path, reading)) return [];
  if (name === 'use') {
    reading.complainAtKey(path, 'names no list', 'write "use: NAME"');
    return [];
  }
  const step = reading.steps.find((candidate) => candidate.name === name);
  if (!step) {
    const names = reading.steps.map((candidate) => candidate.name);
    const hint = didYouMean(name, [...names, ...FRAME]) ?? `known steps: ${names.join(', ')}`;
    reading.complainAtKey(path, `there is no step "${name}"`, hint);
    return [];
  }
  const read = readOptions(step, value, path, reading);
  if (!read) return [];
  const spec = { step: step.name, options: read.options, ...(Object.keys(when).length > 0 && { when }) };
  return [{ spec, place: reading.locate(path, 'key'), defaults: read.defaults, written: read.written, comments: [] }];
}

function readOptions(
  step: StepLanguage,
  value: unknown,
  path: Path,
  reading: StepReading,
): { options: Record<string, unknown>; defaults: string[]; written: string[] } | undefined {
  const bareValue = value !== null && value !== undefined && !isObject(value);
  if (bareValue && step.shorthand === undefined) {
    const keys = Object.keys(step.options.shape);
    const hint = keys.length > 0 ? `write "${step.name}: { ${keys[0]}: … }"` : `write "${step.name}" alone`;
    reading.complain(path, `"${step.name}" takes no bare value`, hint);
    return undefined;
  }
  const written: object = bareValue ? { [step.shorthand as string]: value } : (value ?? {});
  const defaults = reading.defaults[step.name] ?? {};
  const result = step.options.safeParse({ ...defaults, ...written }, { reportInput: true });
  if (!result.success) {
    // In the short form, an option has the position of its step.
    const inside = (inner: Path) => [...path, ...(bareValue ? inner.slice(1) : inner)];
    reading.problems.push(...zodProblems(result.error, step.options, (inner, at) => reading.locate(inside(inner), at)));
    return undefined;
  }
  const inherited = Object.keys(defaults).filter((option) => !(option in written));
  const environment = environmentOf(reading);
  const complaints = step.checks?.(result.data, environment) ?? [];
  for (const complaint of complaints) {
    const [, option, message] = /^([\w-]+): (.*)$/s.exec(complaint) ?? [];
    const atOption = option !== undefined && option in step.options.shape && !bareValue;
    const hint = inherited.map((one) => `playbooks.defaults sets "${one}"`).join(', ') || undefined;
    reading.complain(atOption ? [...path, option] : path, message ?? complaint, hint);
  }
  const options = complaints.length === 0 ? step.complete?.(result.data, environment) : undefined;
  return { options: options ?? result.data, defaults: inherited, written: Object.keys(written) };
}

function environmentOf({ services, locate }: StepReading): StepEnvironment {
  const folder = scriptsFor(locate([]).file);
  return {
    services,
    script(name, values) {
      const read = readScript(folder, name);
      if ('complaints' in read) return read;
      const complaints = wrongValues(read.script, values ?? {});
      return complaints.length > 0 ? { complaints } : { script: read.script };
    },
  };
}
