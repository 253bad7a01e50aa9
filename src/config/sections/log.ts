import { z } from 'zod';

export const log = z.strictObject({
  level: z
    .enum(['error', 'warn', 'info', 'debug'])
    .prefault('info')
    .describe('The least important kind of line to write.'),
  format: z
    .enum(['auto', 'json', 'human'])
    .prefault('auto')
    .describe('auto: for people on a terminal, JSON elsewhere.'),
});
