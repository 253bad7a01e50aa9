import { WHOLE } from './journals.ts';
import type { Script } from './script.ts';

/** Fields of INFO that reveal dropped keys; empty if an ACL refuses INFO. */
const EVICTED = `
    local function told(section, pattern)
      local answer = redis.pcall('INFO', section)
      return type(answer) == 'string' and string.match(answer, pattern) or ''
    end
    local evicted = told('server', 'run_id:(%x+)') .. ':' .. (told('stats', 'evicted_keys:(%d+)'))
    local last = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', 1)[1]
    local news = last and last[1] or '0-0'`;

/**
 * ids by which the caller knew this store, oldest first, separated by spaces ('' for none); a new id; then scope and JSON of kill
 * switches. A store without an id gets the new one; if the caller knew one, the store was emptied, and the switches are restored.
 * Returns {same, emptied or other; the id; `run id:keys evicted`; the id of the last entry of the feed}.
 */
export const RECOGNISE: Script = {
  keys: ['store', 'kill', 'feed'],
  lua: `${EVICTED}
    local chain, known = ARGV[1], string.match(ARGV[1], '%S+$')
    local id = redis.call('HGET', store, 'id')
    if id and (not known or id == known) then return { 'same', id, evicted, news } end
    if id then
      -- Another daemon that knew the same store has been here first.
      local before = ' ' .. (redis.call('HGET', store, 'before') or '') .. ' '
      if not string.find(before, ' ' .. known .. ' ', 1, true) then return { 'other', id, evicted, news } end
    else
      id = ARGV[2]
      redis.call('HSET', store, 'id', id, 'before', chain, 'since', redis.call('TIME')[1])
    end
    if not known then return { 'same', id, evicted, news } end
    for i = 3, #ARGV, 2 do redis.call('HSETNX', kill, ARGV[i], ARGV[i + 1]) end
    return { 'emptied', id, evicted, news }`,
};

/**
 * incidents. Returns for each its head, whether it is open (1, 0) and whether it will be found when it is due (1, 0); '', '' and 0
 * or 1 if its journal is missing.
 */
export const STANDINGS: Script = {
  keys: ['due'],
  lua: `${WHOLE}
    local answer = {}
    for _, id in ipairs(ARGV) do
      local head, open = unpack(redis.call('HMGET', prefix .. 'incident:' .. id, 'head', 'open'))
      -- What is packed is in the hash; the journal of an open incident never is.
      if not head or (open == '1' and not whole(id, head)) then head, open = '', '' end
      local found = redis.call('ZSCORE', due, id) or redis.call('EXISTS', prefix .. 'lease:' .. id) == 1
      answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = head, open or '0', found and '1' or '0'
    end
    return answer`,
};

/**
 * Every command of the scripts and the store, each on a key of its type, because an ACL can refuse any of them. The first one
 * requires memory, because a full Redis lets a script that has already written continue. A test reports missing commands.
 */
const USED: [command: string, key: string, ...args: string[]][] = [
  ['HSET', 'h', 'f', '1'],
  ['HSETNX', 'h', 'f', '1'],
  ['HINCRBY', 'h', 'f', '1'],
  ['HGET', 'h', 'f'],
  ['HMGET', 'h', 'f'],
  ['HGETALL', 'h'],
  ['HEXISTS', 'h', 'f'],
  ['HKEYS', 'h'],
  ['HVALS', 'h'],
  ['HDEL', 'h', 'f'],
  ['ZADD', 'z', '1', 'm'],
  ['ZCARD', 'z'],
  ['ZCOUNT', 'z', '0', '1'],
  ['ZRANGE', 'z', '0', '-1'],
  ['ZRANGEBYSCORE', 'z', '0', '1'],
  ['ZREVRANGE', 'z', '0', '0'],
  ['ZREVRANGEBYSCORE', 'z', '1', '0'],
  ['ZSCORE', 'z', 'm'],
  ['ZREMRANGEBYRANK', 'z', '5', '6'],
  ['ZREMRANGEBYSCORE', 'z', '5', '6'],
  ['ZREM', 'z', 'm'],
  ['SADD', 's', 'm'],
  ['SISMEMBER', 's', 'm'],
  ['SMEMBERS', 's'],
  ['SREM', 's', 'm'],
  ['LPUSH', 'l', 'm'],
  ['LTRIM', 'l', '0', '1'],
  ['LRANGE', 'l', '0', '1'],
  ['XADD', 'x', '*', 'e', '1'],
  ['XRANGE', 'x', '-', '+'],
  ['XREVRANGE', 'x', '+', '-'],
  ['SET', 't', '1'],
  ['GET', 't'],
  ['EXISTS', 't'],
  ['PEXPIRE', 't', '1000'],
  ['UNLINK', 'x'],
  ['DEL', 'h', 'z', 's', 'l', 'x', 't'],
];

/** Tests whether all commands of the store are possible. Returns {} or {command, error of Redis}; leaves no keys. */
export const PROVE: Script = {
  keys: ['store'],
  lua: USED.map(([command, key, ...args]) => {
    const keys = command === 'DEL' ? [key, ...args] : [key];
    const rest = command === 'DEL' ? [] : args.map((arg) => `'${arg}'`);
    const all = [`'${command}'`, ...keys.map((one) => `prefix .. 'probe:${one}'`), ...rest].join(', ');
    return `do
      local answer = redis.pcall(${all})
      if type(answer) == 'table' and answer.err then return { '${command}', answer.err } end
    end`;
  })
    .concat('return {}')
    .join('\n'),
};
