import { EXACT, INDEX_KEYS, INDEXES } from './beside.ts';
import type { Script } from './script.ts';

/** The shared keys that are rebuilt; pending alerts are in no journal. */
const REMADE = INDEX_KEYS.filter((key) => key !== 'alerts' && key !== 'pending');

/** Prefixes of the keys that are rebuilt, one key per item. */
export const FAMILIES = ['held', 'on', 'starts', 'trouble', 'recovered', 'runs'] as const;

/** token, ms. Renews the lock. Returns 1, or 0 if it was lost. */
export const KEEP: Script = {
  keys: ['reindexing'],
  lua: `
    if redis.call('GET', reindexing) ~= ARGV[1] then return 0 end
    return redis.call('PEXPIRE', reindexing, ARGV[2])`,
};

/** AppendRequests. Writes the indexes of these entries again, under a separate prefix. */
export const AGAIN: Script = {
  keys: INDEX_KEYS,
  lua: `
    ${EXACT}
    local function again(ask)
      local incident = prefix .. 'incident:' .. ask.id
      ${INDEXES}
    end
    for _, text in ipairs(ARGV) do again(cjson.decode(text)) end`,
};

/** the new prefix, incidents. Replaces the indexed fields of each; its head and packed entries remain. */
export const TAKE_FIELDS: Script = {
  keys: ['all'],
  lua: `
    local new = ARGV[1]
    for i = 2, #ARGV do
      local from, to = new .. 'incident:' .. ARGV[i], prefix .. 'incident:' .. ARGV[i]
      redis.call('HDEL', to, 'key', 'server', 'family', 'openedAt', 'open', 'world', 'repeatCount', 'nudges')
      redis.call('HSET', to, unpack(redis.call('HGETALL', from)))
      redis.call('DEL', from)
      if redis.call('HGET', to, 'open') == '0' and redis.call('EXISTS', prefix .. 'journal:' .. ARGV[i]) == 1 then
        redis.call('SADD', new .. 'unpacked', ARGV[i])
      end
    end`,
};

/**
 * token, the new prefix, JSON of {unreadable: incidents, old: names of keys, new: names of keys}. Replaces the old indexes by the
 * new ones atomically. Old index entries of an unreadable incident are kept unless a new one contradicts them. Returns 1; or 0
 * without a change if the lock was lost.
 */
export const SWAP: Script = {
  keys: [...REMADE, 'reindexing'],
  lua: `
    if redis.call('GET', reindexing) ~= ARGV[1] then return 0 end
    local new, ask = ARGV[2], cjson.decode(ARGV[3])

    local function of(index) return redis.call('HGETALL', index) end
    local function keep(name, field, value) redis.call('HSETNX', new .. name, field, value) end
    for _, id in ipairs(ask.unreadable) do
      for name, index in pairs({ all = all, open = open, finished = finished, ended = ended, due = due }) do
        local score = redis.call('ZSCORE', index, id)
        if score then redis.call('ZADD', new .. name, score, id) end
      end
      if redis.call('SISMEMBER', unpacked, id) == 1 then redis.call('SADD', new .. 'unpacked', id) end
      local incident = prefix .. 'incident:' .. id
      local key, server = redis.call('HGET', incident, 'key'), redis.call('HGET', incident, 'server')
      if key and redis.call('HGET', keys, key) == id then keep('keys', key, id) end
      local family = server and redis.call('HGET', prefix .. 'on:' .. server, id)
      if family then keep('on:' .. server, id, family) end
      local claimed = of(claims)
      for i = 1, #claimed, 2 do
        if claimed[i + 1] == id then
          keep('claims', claimed[i], id)
          redis.call('SADD', new .. 'held:' .. id, claimed[i])
        end
      end
      local taken = of(slots)
      for i = 1, #taken, 2 do
        if cjson.decode(taken[i + 1]).owner == id then keep('slots', taken[i], taken[i + 1]) end
      end
      local owed = of(ledger)
      for i = 1, #owed, 2 do
        if cjson.decode(owed[i + 1]).incident == id then keep('ledger', owed[i], owed[i + 1]) end
      end
    end

    local function replace(name)
      redis.call('UNLINK', prefix .. name)
      if redis.call('EXISTS', new .. name) == 1 then redis.call('RENAME', new .. name, prefix .. name) end
    end
    for _, name in ipairs({ ${REMADE.map((key) => `'${key}'`).join(', ')} }) do replace(name) end
    for _, name in ipairs(ask.old) do redis.call('UNLINK', prefix .. name) end
    for _, name in ipairs(ask.new) do replace(name) end
    for _, id in ipairs(ask.unreadable) do
      replace('held:' .. id)
      local server = redis.call('HGET', prefix .. 'incident:' .. id, 'server')
      if server and redis.call('EXISTS', new .. 'on:' .. server) == 1 then replace('on:' .. server) end
    end
    redis.call('DEL', reindexing)
    return 1`,
};
