import { z } from 'zod';

export const playbooks = z.strictObject({
  directory: z.string().min(1, 'is empty').prefault('playbooks').describe('Folder of the playbooks (*.yaml).'),
});
