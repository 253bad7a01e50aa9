import type { Script } from './script.ts';

/** since, names of sorted sets. Answers the servers of all of them, some perhaps more than once. */
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

/** matter, incident, ms. Answers who speaks for it. */
export const SPEAK: Script = {
  keys: ['all'],
  lua: `
    local speaks = prefix .. 'speaks:' .. ARGV[1]
    redis.call('SET', speaks, ARGV[2], 'NX', 'PX', ARGV[3])
    return redis.call('GET', speaks)`,
};
