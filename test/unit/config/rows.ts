/** What docs/configuration.md must say: a row for each key, made from the schema. */
import { z } from 'zod';
import { configSchema } from '../../../src/config/config.ts';
import { bare, defaultOf, keysOf } from '../../../src/config/shape.ts';
import { kebab } from '../../../src/config/spelling.ts';

export interface Row {
  key: string;
  line: string;
}

export function documentedRows(): Row[] {
  return rowsOf(configSchema, '');
}

function rowsOf(schema: z.ZodType, path: string): Row[] {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject || inner instanceof z.ZodUnion) {
    return [...keysOf(inner)].flatMap(([key, child]) => rowsOf(child, path ? `${path}.${kebab(key)}` : kebab(key)));
  }
  const fallback = defaultOf(schema);
  const text =
    fallback === undefined ? '' : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
  const cells = [`\`${path}\``, text, schema.description ?? ''].map((cell) => cell.replaceAll('|', '\\|'));
  const row = { key: path, line: `| ${cells.join(' | ')} |` };
  return inner instanceof z.ZodArray ? [row, ...rowsOfElements(inner.element as z.ZodType, path)] : [row];
}

function rowsOfElements(element: z.ZodType, path: string): Row[] {
  return keysOf(element).size > 0 ? rowsOf(element, `${path}[]`) : [];
}
