import type { Script } from './script.ts';

/** retention (ms), then id, receivedAt and JSON of each alert. Returns 1 for each repeat, else 0. */
export const ACCEPT: Script = {
  keys: ['alerts', 'pending'],
  lua: `
    local repeats = {}
    for i = 2, #ARGV, 3 do
      local id, receivedAt, text = ARGV[i], ARGV[i + 1], ARGV[i + 2]
      local new = redis.call('SET', prefix .. 'mark:' .. id, '1', 'NX', 'PX', ARGV[1])
      redis.call('HSETNX', alerts, id, (new and 'n' or 'r') .. text)
      -- Also where the record was there: Redis may have refused this at the first try, and a script is not undone.
      redis.call('ZADD', pending, 'NX', receivedAt, id)
      repeats[#repeats + 1] = new and 0 or 1
    end
    return repeats`,
};

/** id */
export const DROP: Script = {
  keys: ['alerts', 'pending'],
  lua: `
    redis.call('HDEL', alerts, ARGV[1])
    redis.call('ZREM', pending, ARGV[1])`,
};

/**
 * incident, number of new alerts, the highest RepeatCount, JSON of the last new alert ('' for none), ids. Removes them from the
 * pending ones. Returns 1; or 0 without a change if the incident is not open or an alert is not pending.
 */
export const COUNT: Script = {
  keys: ['alerts', 'pending'],
  lua: `
    local incident = prefix .. 'incident:' .. ARGV[1]
    if redis.call('HGET', incident, 'open') ~= '1' then return 0 end
    for i = 5, #ARGV do
      if redis.call('HEXISTS', alerts, ARGV[i]) == 0 then return 0 end
    end
    for i = 5, #ARGV do
      redis.call('HDEL', alerts, ARGV[i])
      redis.call('ZREM', pending, ARGV[i])
    end
    if ARGV[4] ~= '' then
      redis.call('HINCRBY', incident, 'counted', ARGV[2])
      redis.call('HSET', incident, 'newest', ARGV[4])
    end
    if tonumber(ARGV[3]) > tonumber(redis.call('HGET', incident, 'repeatCount') or '0') then
      redis.call('HSET', incident, 'repeatCount', ARGV[3])
    end
    return 1`,
};

/** key, [world, server], now (real ms). Returns the open incident and the disrupting one, each '' for none. */
export const CORRELATE: Script = {
  keys: ['keys', 'disrupting'],
  lua: `
    local by = ''
    local until_, incident = string.match(redis.call('HGET', disrupting, ARGV[2]) or '', '^([^:]+):(.*)$')
    if until_ and tonumber(until_) > tonumber(ARGV[3]) then
      if redis.call('HGET', prefix .. 'incident:' .. incident, 'open') == '1' then by = incident end
    end
    return { redis.call('HGET', keys, ARGV[1]) or '', by }`,
};
