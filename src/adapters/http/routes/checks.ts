import { z } from 'zod';
import type { ByPerson } from '../../../incident/event.ts';
import { name, text } from '../../../sources/fields.ts';
import { problemsOf } from '../../../sources/problems.ts';
import type { Identity } from '../auth.ts';
import { invalid } from '../problem.ts';

/** The person who decides, and the reason. */
export const person = z.strictObject({
  by: name(100).optional().describe('Name of the person; default: the name of the token.'),
  note: text(1000).optional(),
});

/** The person, as named in the journal. */
export function personOf({ by, note }: z.output<typeof person>, identity: Identity | undefined): ByPerson {
  const proven = identity && { identity: identity.name, role: identity.role };
  return { by: signed(by, identity), ...proven, ...(note && { note }) };
}

/** The validated value. Throws all problems as one response. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value);
  if (!checked.success) throw invalid(problemsOf(checked.error));
  return checked.data;
}

/** The name in the journal: the claimed name together with the authenticated one. */
export function signed(by: string | undefined, identity: Identity | undefined): string {
  if (!identity) {
    if (by === undefined) throw invalid([{ pointer: '/by', message: 'is missing: name the person who decides' }]);
    return by;
  }
  return by === undefined || by === identity.name ? identity.name : `${by} (${identity.name})`;
}
