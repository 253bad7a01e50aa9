import { z } from 'zod';
import { positiveDuration } from '../schema.ts';

/** Forms of a store's address; what they mean to the client is the Redis adapter's affair. */
const REDIS_ADDRESS = /^(rediss?:\/\/\S+|redis\+(sentinel|cluster):\/\/\S+|redis\+unix:\/\/\/\S+)$/;

export const store = z.strictObject({
  url: z
    .string()
    .regex(
      REDIS_ADDRESS,
      'is not an address of Redis: write redis://host:6379, rediss://…, redis+unix:///path/to/redis.sock, redis+sentinel://host:26379,…/master or redis+cluster://host:7001,…',
    )
    .optional()
    .describe('The Redis (or Valkey) to use; REDIS_URL wins over it. Neither: the daemon starts a private one.'),
  directory: z
    .string()
    .min(1, 'is empty')
    .prefault('./data')
    .describe('Where the private Redis and the lab keep their files; relative to the folder the daemon is started in.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'may hold letters, digits, "_" and "-" only')
    .prefault('sr')
    .describe('The hash tag of every key, so that several organisations can share one Redis.'),
  appendfsync: z
    .enum(['always', 'everysec'])
    .prefault('always')
    .describe('How the private Redis writes to disk; everysec risks the last second when the power fails.'),
  waitReplicas: z
    .int()
    .min(0)
    .prefault(0)
    .describe(
      'How many replicas must have what somebody relies on: an alert before its 202, a start before its command, a person’s word before its answer.',
    ),
  finishedRetention: positiveDuration.prefault('90d').describe('How long finished incidents are kept.'),
  finishedCount: z.int().min(1).prefault(100_000).describe('How many finished incidents are kept at most.'),
});
