import { WHOLE } from './journals.ts';
import type { Script } from './script.ts';

const NOW = `
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)`;

/** The holder's part of a lease, or nothing when another has it or nobody. */
const HELD = `
    local lease, incident = prefix .. 'lease:' .. ARGV[1], prefix .. 'incident:' .. ARGV[1]
    local nudges, token = string.match(redis.call('GET', lease) or '', '^(%d+):(.*)$')
    if token ~= ARGV[2] then return 0 end`;

/** incident, token, ms. Answers 1, or 0 when another holds it. Due when it runs out: a dead worker is found by that. */
export const LEASE: Script = {
  keys: ['due'],
  lua: `${NOW}
    local nudges = redis.call('HGET', prefix .. 'incident:' .. ARGV[1], 'nudges') or '0'
    if not redis.call('SET', prefix .. 'lease:' .. ARGV[1], nudges .. ':' .. ARGV[2], 'NX', 'PX', ARGV[3]) then return 0 end
    redis.call('ZADD', due, string.format('%.17g', now + tonumber(ARGV[3])), ARGV[1])
    return 1`,
};

/** incident, token, ms. Answers 1, or 0 when it was lost. */
export const RENEW: Script = {
  keys: ['due'],
  lua: `${HELD}${NOW}
    redis.call('PEXPIRE', lease, ARGV[3])
    redis.call('ZADD', due, string.format('%.17g', now + tonumber(ARGV[3])), ARGV[1])
    return 1`,
};

/** incident, token, due ('' for never). Answers 1 when news came since the lease was taken: then it is due now. */
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
 * incident, head, token ('' when no lease matters). Answers 1; 0 when another holds the lease; or the head when it is
 * another. Writes what stands there already: WAIT speaks only of what its own connection has written.
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

/** before (real ms), how many. Answers the incidents that nobody advances. */
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
