/** What a scenario file may say. */
import { z } from 'zod';
import { instant, positiveDuration } from '../config/schema.ts';
import { GUARDS } from '../guards/index.ts';
import { OUTCOMES, type Outcome } from '../incident/outcome.ts';
import { MODES, type Mode } from '../incident/plan.ts';
import { FAULTS } from '../lab/behaviour/faults/index.ts';
import { RECORDED_CURES } from '../lab/replay/parts.ts';

const text = z.string().min(1, 'is empty');

/** Its options are checked with those of the fault that it names. */
const fault = z.looseObject({ fault: text });

const expectation = z.strictObject({
  outcome: z.enum(OUTCOMES as [Outcome, ...Outcome[]]).describe('How the incident ends.'),
  playbook: text.optional().describe('The playbook that runs.'),
  commands: z
    .array(text)
    .describe(
      'Every command that changes something, in order, as an administrator would type it. [] if there is none.',
    ),
  guard: z
    .enum(GUARDS.map(({ name }) => name) as [string, ...string[]])
    .optional()
    .describe('A guard that refuses a step or makes it wait.'),
  within: positiveDuration.optional().describe('The longest that it may take, from the alert to the end.'),
  people: z.enum(['nobody', 'notified']).optional().describe('Whether a person is woken.'),
  left: z
    .array(text)
    .optional()
    .describe('Every change that stays, in the words of the escalation. [] if there is none.'),
});

export const scenarioSchema = z.strictObject({
  scenario: text.describe('What happens, in one sentence. No other scenario has the same.'),
  organisation: text
    .optional()
    .describe('File of the simulated organisation, from the folder of this file. Default: lab.organisation.'),
  recording: text.optional().describe('File of a recording instead, from the folder of this file.'),
  cure: z.enum(RECORDED_CURES).optional().describe('What cures the monitors that are unhealthy in the recording.'),
  seed: z.int().min(0).optional().describe('Seed of the lab’s random choices. Default: 1.'),
  at: instant.optional().describe('When it begins: for maintenance windows. Default: a Wednesday at noon, UTC.'),
  faults: z
    .array(fault)
    .optional()
    .describe('What is wrong: faults and disturbances of the lab, with their options. Default: nothing.'),
  alert: z
    .strictObject({
      server: text.optional().describe('Its server.'),
      monitor: text.optional().describe('Its health set, or HealthSet\\Monitor.'),
    })
    .optional()
    .describe('The alert. Default: about the first unhealthy monitor.'),
  people: z
    .enum(['approve', 'reject'])
    .optional()
    .describe('What people answer when they are asked. Default: nobody answers.'),
  mode: z
    .enum(MODES as [Mode, ...Mode[]])
    .optional()
    .describe('Mode of every playbook. Default: as configured.'),
  expect: expectation.describe('What must happen.'),
});

export type Expectation = z.output<typeof expectation>;

type JsonSchema = Record<string, unknown>;

/** JSON Schema for editors, with the options of every fault. */
export function scenarioJsonSchema(): JsonSchema {
  const { properties = {}, ...frame } = z.toJSONSchema(scenarioSchema, { io: 'input' });
  const faults = FAULTS.map(({ name, description, options }): JsonSchema => {
    const { $schema: _, ...schema } = z.toJSONSchema(options.extend({ fault: z.literal(name).describe(description) }), {
      io: 'input',
    });
    return schema;
  });
  return {
    ...frame,
    title: 'Second Responder: scenario',
    properties: { ...properties, faults: { ...(properties.faults as JsonSchema), items: { oneOf: faults } } },
  };
}
