/** JSON Schema for editors, made from what checks the file, so that completion and the daemon never disagree. */
import { z } from 'zod';
import { configSchema } from './config.ts';
import { kebab } from './spelling.ts';

type JsonSchema = Record<string, unknown>;

/** Of config/second-responder.yaml. */
export function configJsonSchema(): JsonSchema {
  return {
    ...z.toJSONSchema(configSchema, {
      io: 'input',
      override: ({ jsonSchema }) => spellInKebab(jsonSchema as JsonSchema),
    }),
    title: 'Second Responder: configuration',
  };
}

/** `body-limit` is offered; `bodyLimit` is accepted, but not suggested (yaml-language-server knows `doNotSuggest`). */
function spellInKebab(schema: JsonSchema): void {
  const properties = schema.properties as Record<string, JsonSchema> | undefined;
  // What is optional comes by twice.
  if (!properties || Object.values(properties).some(({ doNotSuggest }) => doNotSuggest === true)) return;
  const spelled: JsonSchema = {};
  for (const [key, value] of Object.entries(properties)) {
    spelled[kebab(key)] = value;
    if (kebab(key) !== key) spelled[key] = { ...value, doNotSuggest: true };
  }
  schema.properties = spelled;
  if (Array.isArray(schema.required)) schema.required = schema.required.map(kebab);
}
