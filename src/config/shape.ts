/** Inspection of a zod schema: its keys and the schema at a path. */
import { z } from 'zod';

/** The schema without its wrappers (optional, nullable, default, transform). */
export function bare(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return bare(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodPipe) return bare(schema.in as z.ZodType);
  return schema;
}

/** The keys of an object schema, or of all alternatives of a union, in order. */
export function keysOf(schema: z.ZodType | undefined): Map<string, z.ZodType> {
  const inner = schema && bare(schema);
  if (inner instanceof z.ZodObject) return new Map(Object.entries(inner.shape as Record<string, z.ZodType>));
  if (inner instanceof z.ZodUnion) return new Map(inner.options.flatMap((option) => [...keysOf(option as z.ZodType)]));
  return new Map();
}

export function schemaAt(schema: z.ZodType, path: readonly (string | number)[]): z.ZodType | undefined {
  let here: z.ZodType | undefined = schema;
  for (const segment of path) here = here && childOf(bare(here), String(segment));
  return here;
}

function childOf(schema: z.ZodType, key: string): z.ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  return keysOf(schema).get(key);
}

export interface Leaf {
  path: string[];
  schema: z.ZodType;
}

/** Every value of a nested object schema that is not itself an object; a list is one value. */
export function leavesOf(schema: z.ZodType, path: string[] = []): Leaf[] {
  if (!(bare(schema) instanceof z.ZodObject)) return [{ path, schema }];
  return [...keysOf(schema)].flatMap(([key, child]) => leavesOf(child, [...path, key]));
}

/** The default of a value in its written form (`10m`). */
export function defaultOf(schema: z.ZodType): unknown {
  return schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
}
