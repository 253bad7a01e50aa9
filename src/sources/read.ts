/** One rule for optional values: empty counts as absent, and an unreadable value counts as unknown and is noted. */
import type { z } from 'zod';
import { type Path, type Problem, pointer, problemsOf } from './problems.ts';

export interface Read<T> {
  data: T;
  /** Values that could not be read and count as absent: sentences that begin with the sender's name for the field. */
  notes: string[];
}

/**
 * Reads an object by a schema. Only required fields can make it fail; invalid optional ones are dropped. `nameOf`: the
 * sender's name of a key.
 */
export function reader<S extends z.ZodObject>(schema: S) {
  const optional = Object.entries<z.ZodType>(schema.shape as Record<string, z.ZodType>).filter(
    ([, field]) => field.safeParse(undefined).success,
  );
  return (element: unknown, at: Path, nameOf = (key: string) => key): Read<z.output<S>> | Problem[] => {
    if (typeof element !== 'object' || element === null || Array.isArray(element)) {
      return [{ pointer: pointer(at), message: 'must be an object: one alert' }];
    }
    const given: Record<string, unknown> = { ...element };
    for (const [key] of optional) if (isEmpty(given[key])) delete given[key];
    const whole = schema.safeParse(given);
    if (whole.success) return { data: whole.data, notes: [] };

    const notes: string[] = [];
    for (const [key, field] of optional) {
      const checked = field.safeParse(given[key]);
      if (checked.success) continue;
      delete given[key];
      notes.push(...unreadable(nameOf(key), checked.error));
    }
    const checked = schema.safeParse(given);
    if (checked.success) return { data: checked.data, notes };
    return checked.error.issues.flatMap((issue) =>
      problemsOf({ issues: [issue] }, at).map((problem) => ({
        ...problem,
        pointer: pointer([...at, ...issue.path.map((key, depth) => (depth === 0 ? nameOf(String(key)) : key))]),
      })),
    );
  };
}

/** Null and blank text count as absent. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '');

/** The note that a value counts as unknown. */
export const unreadable = (name: string, error: z.ZodError): string[] =>
  problemsOf(error)
    .slice(0, 1)
    .map(({ message }) => `${name} ${message}; ignored`);
