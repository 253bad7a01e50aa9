import type { Script } from './script.ts';

/**
 * Whether the stream of an open incident begins at its first entry and ends at its head; it may have been deleted, or a part of
 * it.
 */
export const WHOLE = `
    local function whole(id, head)
      local function entry(command, from, to)
        local found = redis.call(command, prefix .. 'journal:' .. id, from, to, 'COUNT', 1)[1]
        return found and found[1]
      end
      return entry('XRANGE', '-', '+') == '1-0' and entry('XREVRANGE', '+', '-') == string.match(head, '^%d+') .. '-0'
    end`;

/**
 * incident, after which entry, maximum number, approximate maximum of bytes. Returns the head; the number of alerts that were only
 * counted and the last of them ('' for none); the packed entries ('' for none); the number of the last returned entry if there are
 * more, else 0; and the unpacked texts. Returns nothing if there is no journal.
 */
export const READ: Script = {
  keys: ['all'],
  lua: `
    local incident, journal = prefix .. 'incident:' .. ARGV[1], prefix .. 'journal:' .. ARGV[1]
    local head = redis.call('HGET', incident, 'head')
    if not head then return false end
    local after, most, room = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local counted, newest = redis.call('HGET', incident, 'counted') or '', redis.call('HGET', incident, 'newest') or ''
    local answer = { head, counted, newest, '', 0 }
    if after > 0 and tonumber(string.match(head, '^%d+')) <= after then return answer end
    answer[4] = redis.call('HGET', incident, 'packed') or ''
    while true do
      local some = redis.call('XRANGE', journal, string.format('%.0f', after + 1) .. '-0', '+', 'COUNT', 8)
      for _, entry in ipairs(some) do
        if most == 0 or room <= 0 then
          answer[5] = after
          return answer
        end
        answer[#answer + 1] = entry[2][2]
        most, room = most - 1, room - #entry[2][2]
        after = tonumber(string.match(entry[1], '^%d+'))
      end
      if #some < 8 then return answer end
    end`,
};

/** incident, head, deflated texts. Replaces the stream by them if nothing was appended since. */
export const PACK: Script = {
  keys: ['unpacked'],
  lua: `
    local incident = prefix .. 'incident:' .. ARGV[1]
    local head = redis.call('HGET', incident, 'head')
    if not head then redis.call('SREM', unpacked, ARGV[1]) end
    if head ~= ARGV[2] or redis.call('HGET', incident, 'open') ~= '0' then return 0 end
    redis.call('HSET', incident, 'packed', ARGV[3])
    redis.call('DEL', prefix .. 'journal:' .. ARGV[1])
    redis.call('SREM', unpacked, ARGV[1])
    return 1`,
};

/** incident. Keeps its journal as a stream, because it is too long to be packed. */
export const LEAVE: Script = {
  keys: ['unpacked'],
  lua: "redis.call('SREM', unpacked, ARGV[1])",
};

/** incidents. Deletes those that are finished. */
export const FORGET: Script = {
  keys: ['all', 'finished', 'ended', 'unpacked', 'due', 'reindexing'],
  lua: `
    if redis.call('EXISTS', reindexing) == 1 then return end
    for _, id in ipairs(ARGV) do
      if redis.call('HGET', prefix .. 'incident:' .. id, 'open') ~= '1' then
        redis.call('DEL', prefix .. 'incident:' .. id, prefix .. 'journal:' .. id)
        for _, index in ipairs({ all, finished, ended, due }) do redis.call('ZREM', index, id) end
        redis.call('SREM', unpacked, id)
      end
    end`,
};

/** index (1 all, 2 open, 3 finished), since, maximum number, and the cursor: openedAt and incident, or nothing. */
export const LIST: Script = {
  keys: ['all', 'open', 'finished'],
  lua: `
    local index, since, wanted = KEYS[tonumber(ARGV[1])], ARGV[2], tonumber(ARGV[3])
    local score, member = ARGV[4], ARGV[5]
    local answer, offset = {}, 0
    while true do
      local page = redis.call('ZREVRANGEBYSCORE', index, score or '+inf', since, 'WITHSCORES', 'LIMIT', offset, wanted + 1)
      for i = 1, #page, 2 do
        -- Several can have been opened in one moment: then the name decides what comes after the cursor.
        if not score or tonumber(page[i + 1]) < tonumber(score) or page[i] < member then
          answer[#answer + 1], answer[#answer + 2] = page[i], page[i + 1]
          if #answer == 2 * wanted then return answer end
        end
      end
      if #page < 2 * (wanted + 1) then return answer end
      offset = offset + wanted + 1
    end`,
};
