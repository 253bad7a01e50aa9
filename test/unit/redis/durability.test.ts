import { expect, it } from 'vitest';
import { durability } from '../../../src/adapters/redis/durability.ts';

const SAFE = { aof_enabled: '1', aof_last_write_status: 'ok', maxmemory_policy: 'noeviction', maxmemory: '0' };
const said = (info: object, fsync = 'always', kind = 'redis') =>
  durability({ kind, info: new Map(Object.entries({ ...SAFE, used_memory: '900', ...info })), fsync }).join('\n');

it('a server that writes before it answers and drops nothing gives no warning', () => {
  expect(said({})).toBe('');
  expect(said({ maxmemory: '1000' })).toBe('');
});

it('of a server that tells nothing nothing is claimed', () => {
  expect(durability({ kind: 'redis', info: new Map(), fsync: undefined })).toEqual([]);
});

it.each<[string, string, string]>([
  [
    'snapshots',
    said({ aof_enabled: '0' }),
    'Redis keeps snapshots only: a crash loses alerts that were answered 202. Type `redis-cli CONFIG SET appendonly yes`, and `redis-cli CONFIG REWRITE` to make it permanent.',
  ],
  [
    'a write each second',
    said({}, 'everysec'),
    'Redis writes to disk once per second: a power loss can lose the last second of alerts. Type `redis-cli CONFIG SET appendfsync always`, and `redis-cli CONFIG REWRITE` to make it permanent.',
  ],
  [
    'a write each second by a server of our own',
    said({}, 'everysec', 'private redis'),
    'Redis writes to disk once per second: a power loss can lose the last second of alerts. Set `store.appendfsync` to `always`, or accept it.',
  ],
  [
    'writes whenever the system likes',
    said({}, 'no'),
    'Redis lets the operating system decide when to write to disk: a power loss can lose alerts. Type `redis-cli CONFIG SET appendfsync always`, and `redis-cli CONFIG REWRITE` to make it permanent.',
  ],
  [
    'a disk that is full',
    said({ aof_last_write_status: 'err' }),
    'Redis failed to write to its disk: it accepts no alerts until it can. Check with `df` whether the disk is full.',
  ],
  [
    'eviction',
    said({ maxmemory_policy: 'allkeys-lru' }),
    'Redis may drop journals when its memory is full (maxmemory-policy allkeys-lru). Type `redis-cli CONFIG SET maxmemory-policy noeviction`, and `redis-cli CONFIG REWRITE` to make it permanent.',
  ],
  [
    'memory that is nearly full',
    said({ used_memory: '920', maxmemory: '1000' }),
    'Redis uses 92 % of its memory limit: at the limit it accepts no alerts. Type `redis-cli CONFIG SET maxmemory` with a higher value, or set `store.finished-retention` to a lower one.',
  ],
])('%s: it is said what that means, and what to type', (_, warning, expected) => {
  expect(warning).toBe(expected);
});
