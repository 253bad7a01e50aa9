/** Keys are kebab-case in YAML and camelCase in the program; a configuration file may use either. */
import { z } from 'zod';
import { bare, keysOf } from './shape.ts';

/** `bodyLimit` → `body-limit` */
export const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** `body-limit` → `bodyLimit` */
export const camel = (key: string) => key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A path as text: `http.body-limit`, `http.tokens[0].role`. */
export function writePath(path: readonly (string | number)[], spell: (key: string) => string = (key) => key): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    return text ? `${text}.${spell(segment)}` : spell(segment);
  }, '');
}

/**
 * Renames known keys to the spelling of the schema, and drops keys without a value (`http:` with every line below it
 * commented out). Calls `twice` for keys that are present in both spellings.
 */
export function toSchemaSpelling(
  data: unknown,
  schema: z.ZodType | undefined,
  twice: (path: (string | number)[]) => void,
  path: (string | number)[] = [],
): unknown {
  const inner = schema && bare(schema);
  if (Array.isArray(data)) {
    const element = inner instanceof z.ZodArray ? (inner.element as z.ZodType) : undefined;
    return data.map((item, index) => toSchemaSpelling(item, element, twice, [...path, index]));
  }
  if (data === null || typeof data !== 'object') return data;
  const known = keysOf(inner);
  const each = inner instanceof z.ZodRecord ? (inner.valueType as z.ZodType) : undefined;
  const renamed = new Map<string, unknown>();
  for (const [key, value] of Object.entries(data)) {
    if (value === null) continue;
    const name = known.has(key) ? key : known.has(camel(key)) ? camel(key) : key;
    if (renamed.has(name)) twice([...path, key]);
    renamed.set(name, toSchemaSpelling(value, each ?? known.get(name), twice, [...path, key]));
  }
  return Object.fromEntries(renamed);
}
