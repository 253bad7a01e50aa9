import type { Script } from './script.ts';

/** since, names of sorted sets. Returns the servers in them, possibly with duplicates. */
export const TROUBLED: Script = {
  keys: ['all'],
  lua: `
    local answer = {}
    for i = 2, #ARGV do
      for _, server in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'trouble:' .. ARGV[i], ARGV[1], '+inf')) do
        answer[#answer + 1] = server
      end
    end
    return answer`,
};

/** cause, incident ('' for none), ms. Returns the incident that notifies about the cause, or nothing. */
export const SPEAK: Script = {
  keys: ['all'],
  lua: `
    local speaks = prefix .. 'speaks:' .. ARGV[1]
    if ARGV[2] ~= '' then redis.call('SET', speaks, ARGV[2], 'NX') end
    redis.call('PEXPIRE', speaks, ARGV[3])
    return redis.call('GET', speaks)`,
};
