/**
 * JSON Schema for editors, generated from the schema that validates the file, so that completion and the daemon agree.
 */
import { z } from 'zod';
import { configSchema } from './config.ts';
import { kebab } from './spelling.ts';

type JsonSchema = Record<string, unknown>;

/** The schema of config/second-responder.yaml. */
export function configJsonSchema(): JsonSchema {
  return {
    ...z.toJSONSchema(configSchema, {
      io: 'input',
      override: ({ jsonSchema }) => spellInKebab(jsonSchema as JsonSchema),
    }),
    title: 'Second Responder: configuration',
  };
}

/**
 * `body-limit` is suggested; `bodyLimit` is accepted but not suggested (`doNotSuggest` is read by
 * yaml-language-server).
 */
function spellInKebab(schema: JsonSchema): void {
  const properties = schema.properties as Record<string, JsonSchema> | undefined;
  // Zod visits an optional object twice.
  if (!properties || Object.values(properties).some(({ doNotSuggest }) => doNotSuggest === true)) return;
  const spelled: JsonSchema = {};
  for (const [key, value] of Object.entries(properties)) {
    spelled[kebab(key)] = value;
    if (kebab(key) !== key) spelled[key] = { ...value, doNotSuggest: true };
  }
  schema.properties = spelled;
  if (Array.isArray(schema.required)) schema.required = schema.required.map(kebab);
}
