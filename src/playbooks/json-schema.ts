/**
 * JSON Schema of playbooks for editors. Generated from the schema that validates the files, so editor and daemon always
 * agree.
 */
import { z } from 'zod';
import type { StepLanguage } from './language.ts';
import { conditionSchema, listSchema, playbookSchema } from './schema.ts';

type JsonSchema = Record<string, unknown>;

/** The schema of one document of a file, a playbook or a list, with all available steps. */
export function playbookJsonSchema(steps: readonly StepLanguage[]): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Second Responder: playbook',
    if: { required: ['list'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: frame(listSchema),
    else: frame(playbookSchema),
    $defs: {
      when: inner(conditionSchema),
      steps: { type: 'array', minItems: 1, items: { $ref: '#/$defs/step' } },
      step: {
        anyOf: [
          { enum: steps.map(({ name }) => name) },
          ...steps.map(stepSchema),
          {
            type: 'object',
            properties: { when: { $ref: '#/$defs/when' }, steps: { $ref: '#/$defs/steps' } },
            required: ['when', 'steps'],
            additionalProperties: false,
          },
          {
            type: 'object',
            properties: {
              use: { description: 'The name of a list of steps ("list:"), which stand here.', type: 'string' },
              when: { $ref: '#/$defs/when' },
            },
            required: ['use'],
            additionalProperties: false,
          },
        ],
      },
    },
  };
}

function frame(schema: z.ZodType): JsonSchema {
  const document = inner(schema) as JsonSchema & { properties: JsonSchema };
  return { ...document, properties: { ...document.properties, steps: { $ref: '#/$defs/steps' } } };
}

function stepSchema(step: StepLanguage): JsonSchema {
  const options = inner(step.options) as JsonSchema & { properties?: JsonSchema };
  const short = step.shorthand === undefined ? [] : [options.properties?.[step.shorthand] ?? {}];
  return {
    type: 'object',
    properties: {
      [step.name]: { description: step.summary, anyOf: [options, ...short, { type: 'null' }] },
      when: { $ref: '#/$defs/when' },
    },
    required: [step.name],
    additionalProperties: false,
  };
}

function inner(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
