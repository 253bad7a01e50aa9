/** The schema of a playbook and its conditions; each step has a schema of its own. */
import { z } from 'zod';
import { MODES, type Mode } from '../incident/plan.ts';

export const conditionSchema = z
  .strictObject({
    role: z
      .enum(['mailbox', 'client-access'])
      .optional()
      .describe('The server has this role (a combined server has both).'),
    dag: z.boolean().optional().describe('The server is (or is not) a member of a database availability group.'),
    version: z
      .union([z.int(), z.array(z.int()).min(1)], { error: 'must be a year, such as 2016, or a list of years' })
      .optional()
      .describe('Exchange’s version by its year: 2013, 2016, 2019.'),
    healthy: z.string().optional().describe('This health set is healthy on the server when the step is reached.'),
    unhealthy: z.string().optional().describe('This health set is unhealthy on the server when the step is reached.'),
  })
  .describe('When the step applies: all of these must hold.');

const name = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be a name of lower-case letters, digits and dashes');

const steps = z.array(z.unknown()).min(1, 'is empty: it needs at least one step').describe('From top to bottom.');

export const listSchema = z.strictObject({
  list: name.describe('The name of the list: a playbook writes "use: NAME" where its steps belong.'),
  summary: z.string().min(1, 'is empty').describe('One line: what its steps do together.'),
  steps,
});

export const playbookSchema = z.strictObject({
  playbook: name.describe('The name of the playbook.'),
  summary: z.string().min(1, 'is empty').describe('One line: the problem that this playbook treats.'),
  page: z.string().min(1, 'is empty').optional().describe('The published procedure that this playbook follows.'),
  handles: z
    .array(z.string())
    .min(1, 'names no monitor')
    .describe('The monitors that it handles: HealthSet\\Monitor, or HealthSet\\Monitor\\TargetResource.'),
  mode: z
    .enum(MODES as [Mode, ...Mode[]])
    .optional()
    .describe(
      'observe: report what it would do. approve: wait for a person. auto: act. safety.mode is the ceiling. Default: playbooks.defaults.mode.',
    ),
  steps,
});
