/**
 * JSON Schema of playbooks for editors. Generated from the schema that validates the files, so editor and daemon always
 * agree.
 */
import { z } from 'zod';
import type { StepLanguage } from './language.ts';
import { conditionSchema, playbookSchema } from './schema.ts';

type JsonSchema = Record<string, unknown>;

/** The schema of one playbook, with all available steps. */
export function playbookJsonSchema(steps: readonly StepLanguage[]): JsonSchema {
  const frame = z.toJSONSchema(playbookSchema, { io: 'input' }) as JsonSchema & { properties: JsonSchema };
  return {
    ...frame,
    title: 'Second Responder: playbook',
    properties: { ...frame.properties, steps: { $ref: '#/$defs/steps' } },
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
        ],
      },
    },
  };
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
