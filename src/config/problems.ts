import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { keysOf, schemaAt } from './shape.ts';

/** One problem of a file or a variable: where it is and how to fix it. */
export interface Problem {
  /** The file as it was given, or `environment`. */
  file: string;
  /** From 1; 0 when the problem has no place in a file. */
  line: number;
  column: number;
  /** The column after the part that is wrong; absent if the part is secret or has no place. */
  endColumn?: number;
  /** The line, and below it `^^^^` under the part that is wrong. */
  excerpt?: string;
  /** In the spelling of the file: `http.body-limit`, `steps[2].restart-service`; empty for the whole file. */
  path: string;
  message: string;
  /** What to do: `did you mean "port"?` */
  hint?: string;
  /** What happens, one sentence a line: the shortest path to a problem that is not visible in one place. */
  story?: string[];
  /** Where the list of steps is used in which the problem is, the nearest use first. */
  usedAt?: Pick<Problem, 'file' | 'line' | 'column' | 'path'>[];
}

/** All problems together. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    super(problems.map((problem) => [problemLine(problem), ...storyOf(problem)].join('\n')).join('\n'));
    this.problems = problems;
  }
}

/** `file:line:column: path: what is wrong; what to do`, which editors and terminals convert to a link. */
export function problemLine({ file, line, column, path, message, hint, usedAt = [] }: Problem): string {
  const says = [writePlace({ file, line, column }), path, message].filter(Boolean).join(': ');
  const uses = usedAt.length > 0 ? ` (used at ${usedAt.map(writePlace).join(', ')})` : '';
  return `${says}${hint ? `; ${hint}` : ''}${uses}`;
}

/** The same, and on lines of their own the excerpt and the story. */
export function formatProblem(problem: Problem): string {
  const excerpt = problem.excerpt?.split('\n').map((line) => `    ${line}`) ?? [];
  return [problemLine(problem), ...excerpt, ...storyOf(problem)].join('\n');
}

/** `file:line:column` */
export function writePlace({ file, line, column }: Pick<Problem, 'file' | 'line' | 'column'>): string {
  return line > 0 ? `${file}:${line}:${column}` : file;
}

const storyOf = ({ story = [] }: Problem) => story.map((says, index) => `    ${index + 1}. ${says}`);

export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const meant = nearest(word, candidates);
  return meant === undefined ? undefined : `did you mean "${meant}"?`;
}

export type Path = readonly (string | number)[];
export type Place = Pick<Problem, 'file' | 'line' | 'column' | 'endColumn' | 'excerpt' | 'path'>;
/** Finds the place of a path; `key` asks for the key instead of its value. */
export type Locate = (path: Path, at?: 'key') => Place;

/** Zod's issues as problems, each at the place of its node; an unknown key gets a suggestion. */
export function zodProblems(
  error: z.ZodError,
  schema: z.ZodType,
  locate: Locate,
  spell: (key: string) => string = (key) => key,
): Problem[] {
  return error.issues.flatMap(alternatives).flatMap((issue): Problem[] => {
    const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
    if (issue.code === 'unrecognized_keys') {
      const known = [...keysOf(schemaAt(schema, path)).keys()].map(spell);
      return issue.keys.map((key) => {
        const hint =
          didYouMean(key, known) ?? (known.length > 0 ? `use one of: ${known.join(', ')}` : 'no keys are allowed here');
        return { ...locate([...path, key], 'key'), message: 'unknown key', hint };
      });
    }
    if (issue.code === 'invalid_value' && typeof issue.input === 'string') {
      const hint = didYouMean(issue.input, issue.values.map(String));
      return [{ ...locate(path), message: sentence(issue), ...(hint && { hint }) }];
    }
    return [{ ...locate(path), message: sentence(issue) }];
  });
}

/** Where a value matches no alternative of a union, reports the issues of the alternative that it resembles most. */
function alternatives(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.message !== 'Invalid input') return [issue];
  const inside = issue.errors.find((branch) => branch.length > 0 && branch.every(({ path }) => path.length > 0));
  if (inside) return inside.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  const sentences = issue.errors.flatMap((branch) => branch.slice(0, 1)).map(sentence);
  return [{ ...issue, message: [...new Set(sentences)].join(' or ').replaceAll(' or must be ', ' or ') }];
}

const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
};

/** Replaces zod's own messages; a message from a schema is kept. */
function sentence(issue: z.core.$ZodIssue): string {
  if (!/^(Invalid|Too) /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => `"${String(value)}"`).join(' or ')}`;
    case 'too_small':
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return issue.message.replace(/^Invalid input: /, '');
  }
}
