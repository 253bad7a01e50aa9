import type { z } from 'zod';
import { locateIn } from '../config/places.ts';
import { didYouMean, type Problem, zodProblems } from '../config/problems.ts';
import type { StepLanguage } from './language.ts';
import type { PlaybookLanguage } from './reading.ts';

/** Options of a step as they are written, by its name. */
export type StepDefaults = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** `playbooks.defaults.steps` of the configuration, checked by each step's own schema. Invalid ones are left out. */
export function readDefaults({ steps, settings }: PlaybookLanguage, problems: Problem[]): StepDefaults {
  const locate = locateIn(settings.places);
  const entries = Object.entries(settings.defaults.steps).flatMap(([name, options]) => {
    const path = ['playbooks', 'defaults', 'steps', name];
    const step = steps.find((candidate) => candidate.name === name);
    if (!step) {
      const names = steps.map((candidate) => candidate.name);
      const hint = didYouMean(name, names) ?? `known steps: ${names.join(', ')}`;
      problems.push({ ...locate(path, 'key'), message: `there is no step "${name}"`, hint });
      return [];
    }
    const right = Object.entries(options).filter(([option, value]) => {
      const found = problemsOf(step, option, value, (inner, at) => locate([...path, option, ...inner], at));
      problems.push(...found);
      return found.length === 0;
    });
    return [[name, Object.fromEntries(right)] as const];
  });
  return Object.fromEntries(entries);
}

function problemsOf(step: StepLanguage, option: string, value: unknown, locate: Parameters<typeof zodProblems>[2]) {
  const schema = step.options.shape[option] as z.ZodType | undefined;
  if (!schema) {
    const known = Object.keys(step.options.shape);
    const hint = didYouMean(option, known) ?? `options of ${step.name}: ${known.join(', ') || 'none'}`;
    return [{ ...locate([], 'key'), message: 'unknown key', hint }];
  }
  const result = schema.safeParse(value, { reportInput: true });
  return result.success ? [] : zodProblems(result.error, schema, locate);
}
