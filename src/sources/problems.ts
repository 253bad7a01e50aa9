/** Problems in a request: each with its position (a JSON pointer, RFC 6901) and how to fix it. */
import type { z } from 'zod';

export interface Problem {
  /** `/3/server`; '' for the whole document. */
  pointer: string;
  message: string;
  /** The shortest path to the problem, one sentence a step, where it is not visible in one place. */
  story?: string[];
  /** Of a file: the column after the wrong part, and its line with `^^^^` below that part. */
  endColumn?: number;
  excerpt?: string;
}

export type Path = readonly PropertyKey[];

/** A sender's key may be as long as its request; its beginning is enough to find it. */
const LONGEST_KEY = 100;

export function pointer(path: Path): string {
  return path.map((key) => `/${shortened(String(key)).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

const shortened = (key: string) => (key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key);

/** Validation errors as problems, in sentences. `at`: the position of the validated value in the document. */
export function problemsOf(error: Pick<z.ZodError, 'issues'>, at: Path = []): Problem[] {
  return error.issues.map((issue) => ({
    pointer: pointer([...at, ...issue.path]),
    message: sentence(issue),
  }));
}

const NOUNS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** How zod's own messages begin; they are about types and written for programmers. */
const ZODS_OWN = /^(Invalid|Too|Unrecognized)/;

/** Keeps messages from schemas, and rewrites zod's own for the people who send alerts. */
function sentence(issue: z.core.$ZodIssue): string {
  if (!ZODS_OWN.test(issue.message)) return issue.message;
  if (issue.code === 'invalid_type') {
    if (issue.message.endsWith('received undefined')) return `is missing: it must be ${noun(issue.expected)}`;
    return `must be ${noun(issue.expected)}`;
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'unrecognized_keys') return `has unknown keys: ${issue.keys.slice(0, 10).join(', ')}`;
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}${measure(issue.origin)}`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}${measure(issue.origin)}`;
  return 'has none of the allowed forms';
}

const noun = (type: string) => NOUNS[type] ?? type;

const measure = (origin: string) =>
  origin === 'string' ? ' characters long' : origin === 'array' ? ' elements long' : '';
