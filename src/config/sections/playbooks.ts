import { z } from 'zod';

export const playbooks = z.strictObject({
  directory: z.string().min(1, 'is empty').prefault('playbooks').describe('The folder of the playbooks (*.yaml).'),
});
