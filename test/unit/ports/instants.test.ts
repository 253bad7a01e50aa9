import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { SCHEMAS } from '../../../src/adapters/http/schemas.ts';
import { readInstants, writeInstants } from '../../../src/ports/instants.ts';

describe('answers of the API become the domain again', () => {
  it('whatever instants there are', () => {
    const instant = fc.integer({ min: 0, max: 4e12 });
    const shape = fc.record({
      at: instant,
      openedAt: instant,
      steps: fc.array(fc.record({ n: fc.nat(), finishedAt: instant })),
      waiting: fc.record({ for: fc.string(), until: instant }),
      note: fc.constantFrom('2024-11-23T10:11:12.345Z', 'at'),
    });
    fc.assert(
      fc.property(shape, (value) => {
        expect(readInstants(writeInstants(value))).toEqual(value);
      }),
    );
  });
});

type Field = { type?: string; format?: string; properties?: Record<string, Field>; items?: Field; anyOf?: Field[] };

/** Every field of a schema, with the type that it documents. */
function fieldsOf({ properties = {}, items, anyOf = [] }: Field): [string, 'instant' | 'number' | 'other'][] {
  const own = Object.entries(properties).flatMap(([name, field]): [string, 'instant' | 'number' | 'other'][] => {
    const isNumber = field.type === 'number' || field.type === 'integer';
    return [[name, field.format === 'date-time' ? 'instant' : isNumber ? 'number' : 'other'], ...fieldsOf(field)];
  });
  return [...own, ...[...(items ? [items] : []), ...anyOf].flatMap(fieldsOf)];
}

describe('the names of instants', () => {
  test.each(Object.entries(SCHEMAS))('are those that the API documents for %s', (_, schema) => {
    for (const [name, kind] of fieldsOf(z.toJSONSchema(schema) as Field)) {
      if (kind === 'other') continue;
      expect([name, writeInstants({ [name]: 0 })]).toEqual([
        name,
        { [name]: kind === 'instant' ? '1970-01-01T00:00:00.000Z' : 0 },
      ]);
    }
  });

  it('are found in every field', () => {
    const names = Object.values(SCHEMAS).flatMap((schema) => fieldsOf(z.toJSONSchema(schema) as Field));
    expect(names.filter(([, kind]) => kind === 'instant').map(([name]) => name)).toEqual(
      expect.arrayContaining(['at', 'openedAt', 'raisedAt', 'until', 'since']),
    );
  });
});
