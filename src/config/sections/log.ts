import { z } from 'zod';

export const log = z.strictObject({
  level: z.enum(['error', 'warn', 'info', 'debug']).prefault('info').describe('Lowest level to log.'),
  format: z
    .enum(['auto', 'json', 'human'])
    .prefault('auto')
    .describe('auto is human on a terminal and json elsewhere.'),
});
