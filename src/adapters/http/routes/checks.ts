import { z } from 'zod';
import type { ByPerson } from '../../../incident/event.ts';
import { name, text } from '../../../sources/fields.ts';
import { problemsOf } from '../../../sources/problems.ts';
import type { Identity } from '../auth.ts';
import { invalid } from '../problem.ts';

/** Who decides, and why. */
export const person = z.strictObject({
  by: name(100).optional().describe('Name of the person; default: the name of the token.'),
  note: text(1000).optional(),
});

/** The person as the journal names them. */
export function personOf({ by, note }: z.output<typeof person>, identity: Identity | undefined): ByPerson {
  return { by: signed(by, identity), ...(identity && { identity: identity.name }), ...(note && { note }) };
}

/** The checked value; or every problem as one answer. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value);
  if (!checked.success) throw invalid(problemsOf(checked.error));
  return checked.data;
}

/** Whom the journal names. A name that is claimed stands beside the name that was proven. */
export function signed(by: string | undefined, identity: Identity | undefined): string {
  if (!identity) {
    if (by === undefined) throw invalid([{ pointer: '/by', message: 'is missing: name the person who decides' }]);
    return by;
  }
  return by === undefined || by === identity.name ? identity.name : `${by} (${identity.name})`;
}
