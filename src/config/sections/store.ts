import { z } from 'zod';
import { positiveDuration } from '../schema.ts';

/** The accepted forms of a store address; the Redis adapter interprets them. */
const REDIS_ADDRESS = /^(rediss?:\/\/\S+|redis\+(sentinel|cluster):\/\/\S+|redis\+unix:\/\/\/\S+)$/;

export const store = z.strictObject({
  url: z
    .string()
    .regex(
      REDIS_ADDRESS,
      'is not a Redis address; use redis://host:6379, rediss://…, redis+unix:///path/to/redis.sock, redis+sentinel://host:26379,…/master or redis+cluster://host:7001,…',
    )
    .optional()
    .describe('Address of Redis or Valkey; REDIS_URL overrides it. Default: the daemon starts a private Redis.'),
  directory: z
    .string()
    .min(1, 'is empty')
    .prefault('./data')
    .describe(
      'Folder for the files of the private Redis and the lab; relative to the folder the daemon is started in.',
    ),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'may contain only letters, digits, "_" and "-"')
    .prefault('sr')
    .describe('Hash tag of every key; several organisations can share one Redis with different prefixes.'),
  appendfsync: z
    .enum(['always', 'everysec'])
    .prefault('always')
    .describe('How the private Redis syncs to disk; with everysec, a power failure can lose the last second.'),
  waitReplicas: z
    .int()
    .min(0)
    .prefault(0)
    .describe(
      'Number of replicas that must confirm a write before the daemon relies on it: an alert before its 202, a step’s start before its command, a person’s decision before its answer.',
    ),
  finishedRetention: positiveDuration.prefault('90d').describe('How long finished incidents are kept.'),
  finishedCount: z.int().min(1).prefault(100_000).describe('Maximum number of finished incidents kept.'),
});
