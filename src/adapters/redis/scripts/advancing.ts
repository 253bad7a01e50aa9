import { WHOLE } from './journals.ts';
import type { Script } from './script.ts';

const NOW = `
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)`;

/** Reads a lease; returns 0 unless the caller holds it. */
const HELD = `
    local lease, incident = prefix .. 'lease:' .. ARGV[1], prefix .. 'incident:' .. ARGV[1]
    local nudges, token = string.match(redis.call('GET', lease) or '', '^(%d+):(.*)$')
    if token ~= ARGV[2] then return 0 end`;

/**
 * incident, token, ms. Returns 1, or 0 if another holder has it. The incident is due when the lease expires, so that it is found
 * if its worker dies.
 */
export const LEASE: Script = {
  keys: ['due'],
  lua: `${NOW}
    local nudges = redis.call('HGET', prefix .. 'incident:' .. ARGV[1], 'nudges') or '0'
    if not redis.call('SET', prefix .. 'lease:' .. ARGV[1], nudges .. ':' .. ARGV[2], 'NX', 'PX', ARGV[3]) then return 0 end
    redis.call('ZADD', due, string.format('%.17g', now + tonumber(ARGV[3])), ARGV[1])
    return 1`,
};

/** incident, token, ms. Returns 1, or 0 if it was lost. */
export const RENEW: Script = {
  keys: ['due'],
  lua: `${HELD}${NOW}
    redis.call('PEXPIRE', lease, ARGV[3])
    redis.call('ZADD', due, string.format('%.17g', now + tonumber(ARGV[3])), ARGV[1])
    return 1`,
};

/**
 * incident, token, due ('' for never). Returns 1 if there was news since the lease was taken, which makes the incident due now.
 */
export const RELEASE: Script = {
  keys: ['due'],
  lua: `${HELD}${NOW}
    redis.call('DEL', lease)
    if redis.call('HGET', incident, 'open') ~= '1' then
      redis.call('ZREM', due, ARGV[1])
      return 0
    end
    if (redis.call('HGET', incident, 'nudges') or '0') ~= nudges then
      redis.call('ZADD', due, string.format('%.17g', now), ARGV[1])
      return 1
    end
    if ARGV[3] == '' then redis.call('ZREM', due, ARGV[1]) else redis.call('ZADD', due, ARGV[3], ARGV[1]) end
    return 0`,
};

/**
 * incident, head, token ('' if no lease is required). Returns 1; 0 if another worker holds the lease; or the head if it differs.
 * Rewrites the existing head, because WAIT covers only writes of its own connection.
 */
export const CONFIRM: Script = {
  keys: ['due'],
  lua: `${WHOLE}
    local lease, incident = prefix .. 'lease:' .. ARGV[1], prefix .. 'incident:' .. ARGV[1]
    local token = string.match(redis.call('GET', lease) or '', '^%d+:(.*)$')
    if ARGV[3] ~= '' and token ~= ARGV[3] then return 0 end
    local head = redis.call('HGET', incident, 'head') or '0:'
    if head ~= ARGV[2] then return head end
    if redis.call('HGET', incident, 'open') == '1' and not whole(ARGV[1], head) then
      return redis.error_reply('NOTWHOLE the journal of ' .. ARGV[1] .. ' has lost entries')
    end
    redis.call('HSET', incident, 'head', head)
    return 1`,
};

/** incident, now (real ms) */
export const NUDGE: Script = {
  keys: ['due'],
  lua: `
    local incident = prefix .. 'incident:' .. ARGV[1]
    if redis.call('HGET', incident, 'open') ~= '1' then return end
    redis.call('HINCRBY', incident, 'nudges', 1)
    redis.call('ZADD', due, ARGV[2], ARGV[1])`,
};

/** before (real ms), maximum number. Returns the due incidents without a lease. */
export const OVERDUE: Script = {
  keys: ['due'],
  lua: `
    local before, wanted = ARGV[1], tonumber(ARGV[2])
    local answer, offset = {}, 0
    while true do
      local page = redis.call('ZRANGEBYSCORE', due, '-inf', before, 'LIMIT', offset, 100)
      for _, id in ipairs(page) do
        if #answer == wanted then return answer end
        if redis.call('EXISTS', prefix .. 'lease:' .. id) == 0 then answer[#answer + 1] = id end
      end
      if #page < 100 then return answer end
      offset = offset + 100
    end`,
};
