import { z } from 'zod';
import { MODES, type Mode } from '../../incident/plan.ts';
import { positiveDuration } from '../schema.ts';

export const playbooks = z.strictObject({
  directory: z.string().min(1, 'is empty').prefault('playbooks').describe('Folder of the playbooks (*.yaml).'),
  proof: z
    .enum(['required', 'warn'])
    .prefault('required')
    .describe(
      '`required`: start and reload refuse a playbook that fails its proof; `warn`: they log why and use it anyway.',
    ),
  limits: z
    .strictObject({
      time: positiveDuration
        .prefault('12h')
        .describe('Longest that one run may take at worst, without waits for people and for other servers.'),
      serviceRestarts: z.int().min(0).max(100).prefault(6).describe('Most restarts of services in one run.'),
      serverRestarts: z.int().min(0).max(10).prefault(1).describe('Most restarts of the server in one run.'),
    })
    .prefault({})
    .describe('Limits that every playbook must keep on its worst path; `playbooks check` proves it.'),
  defaults: z
    .strictObject({
      mode: z
        .enum(MODES as [Mode, ...Mode[]])
        .prefault('observe')
        .describe('Mode of the playbooks that set none: observe, approve or auto.'),
      steps: z
        .record(z.string(), z.record(z.string(), z.unknown()))
        .prefault({})
        .describe(
          'Options of steps where a playbook sets none, by the name of the step: { restart-server: { back-within: 60m } }.',
        ),
    })
    .prefault({})
    .describe('Defaults of this organisation; what a playbook sets wins.'),
});
