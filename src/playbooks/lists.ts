/** Named lists of steps, which several playbooks use: `- use: drain-and-restart`. They are inlined when they are read. */
import { isObject } from '../config/data.ts';
import { didYouMean, type Problem, zodProblems } from '../config/problems.ts';
import type { Source } from '../config/yaml.ts';
import { listSchema } from './schema.ts';

export interface StepList {
  name: string;
  source: Source;
  steps: unknown[];
}

export class Lists {
  readonly #lists = new Map<string, StepList>();
  readonly #used = new Set<string>();
  readonly #playbooks = new Set<string>();
  readonly #ends = new Map<string, boolean>();

  /** The first list of a name is the one in force. Returns the earlier one of that name, if any. */
  add(list: StepList): StepList | undefined {
    const earlier = this.#lists.get(list.name);
    if (!earlier) this.#lists.set(list.name, list);
    return earlier;
  }

  /** For the hint about a playbook that is used like a list. */
  addPlaybook(name: string): void {
    this.#playbooks.add(name);
  }

  find(name: string): StepList | undefined {
    return this.#lists.get(name);
  }

  use(name: string): StepList | undefined {
    this.#used.add(name);
    return this.#lists.get(name);
  }

  /** Whether one of its steps `isEnd`. Each list is searched once; one that is being searched uses itself. */
  ends(name: string, isEnd: (entry: unknown) => boolean): boolean {
    const known = this.#ends.get(name);
    if (known !== undefined) return known;
    this.#ends.set(name, false);
    const ends = this.#lists.get(name)?.steps.some(isEnd) === true;
    this.#ends.set(name, ends);
    return ends;
  }

  unused(): StepList[] {
    return [...this.#lists.values()].filter(({ name }) => !this.#used.has(name));
  }

  /** What to write instead of an unknown name. */
  hintFor(name: string): string {
    if (this.#playbooks.has(name)) return 'it is a playbook: move the shared steps into a document with "list:"';
    const names = [...this.#lists.keys()];
    const known = names.length > 0 ? `known lists: ${names.join(', ')}` : 'no file has a document with "list:"';
    return didYouMean(name, names) ?? known;
  }
}

/** Whether a document is a list of steps, also when the key is misspelt. */
export function isList(data: unknown): boolean {
  if (!isObject(data) || 'playbook' in data) return false;
  return 'list' in data || (!('handles' in data) && Object.keys(data).some((key) => didYouMean(key, ['list'])));
}

/** Adds its problems to `problems`. As much as can be read is returned, so that its steps are checked too. */
export function readList(source: Source, problems: Problem[]): StepList {
  const result = listSchema.safeParse(source.data, { reportInput: true });
  if (result.success) return { name: result.data.list, source, steps: result.data.steps };
  problems.push(...zodProblems(result.error, listSchema, source.locate));
  const { list, steps } = source.data as Record<string, unknown>;
  return { name: typeof list === 'string' ? list : '', source, steps: Array.isArray(steps) ? steps : [] };
}
