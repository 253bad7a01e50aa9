import { EXACT, INDEX_KEYS, INDEXES } from './beside.ts';
import type { Script } from './script.ts';

/** The second argument of APPEND, as JSON. Fields are keys of hashes; the caller builds them. */
export interface AppendRequest {
  id: string;
  head: string;
  newHead: string;
  seq: number;
  at: number;
  /** `null`: none; `false`: unchanged. */
  due: number | null | false;
  opening?: { key: string; server: string; family: string };
  /** Pending alerts that the entry accounts for. */
  taking: string[];
  /** The organisation of the incident. */
  world?: string;
  repeatCount?: number;
  start?: {
    owner: string;
    world: string;
    /** Names in lower case, as keys: one set for each field. */
    kill: Record<'playbook' | 'server' | 'group', Record<string, true>>;
    claims: { field: string; server: string }[];
    slot?: { field: string; group: string; server: string };
    throttles: {
      field: string;
      now: number;
      between: number;
      perHour: number;
      perDay: number;
      /** Retention of starts, in milliseconds. */
      kept: number;
    }[];
    disrupts: { field: string; value: string }[];
  };
  owe: { field: string; text: string }[];
  settle: { field: string; server: string; world: string; of?: { incident: string; id: string } }[];
  /** Names of sorted sets; the caller builds them. */
  trouble?: { server: string; seen: string[]; gone: string[] };
  finishing?: {
    root: string;
    isRoot: boolean;
    keep: string[];
    recovered: boolean;
    requeue: { id: string; receivedAt: number; text: string }[];
    /** `field`: without the organisation, which the incident has. */
    runs: { playbook: string; text: string }[];
  };
  feedLength: number;
  /** Real time when it ended; default: now. */
  ended?: number;
}

/** The condition that refuses a start, as the answer of the script; nil if none does. Writes nothing. */
const CONDITIONS = `${EXACT}

    local function refusal(start)
      local function switchedOff()
        local switches = redis.call('HGETALL', kill)
        for i = 1, #switches, 2 do
          local applies = true
          for field, name in pairs(cjson.decode(switches[i])) do
            if not (start.kill[field] and start.kill[field][name]) then applies = false end
          end
          if applies then return { 'kill-switch', switches[i + 1] } end
        end
      end

      local function claimed()
        for _, claim in ipairs(start.claims) do
          local owner = redis.call('HGET', claims, claim.field)
          if owner and owner ~= start.owner then return { 'claim', claim.server, owner } end
        end
      end

      local function slotTaken()
        local held = start.slot and redis.call('HGET', slots, start.slot.field)
        if not held then return nil end
        held = cjson.decode(held)
        -- What a finished run left to a drained server is no obstacle to treating that same server again.
        local inherits = held.kept and held.server == start.slot.server
        if held.owner ~= start.owner and not inherits then return { 'slot', held.owner, held.server } end
      end

      local function throttled()
        for i, rule in ipairs(start.throttles) do
          local starts = prefix .. 'starts:' .. rule.field
          if not redis.call('ZSCORE', starts, start.owner) then
            local last = redis.call('ZREVRANGE', starts, 0, 0, 'WITHSCORES')[2] or exact(rule.now)
            local function within(ms) return redis.call('ZCOUNT', starts, '(' .. exact(rule.now - ms), '+inf') end
            local close = rule.between < 0 and 0 or within(rule.between * 60000)
            local hour, day = within(3600000), within(86400000)
            if close > 0 then return { 'throttle', i, 'minutesBetween', last, close } end
            if rule.perHour >= 0 and hour >= rule.perHour then return { 'throttle', i, 'perHour', last, hour } end
            if rule.perDay >= 0 and day >= rule.perDay then return { 'throttle', i, 'perDay', last, day } end
          end
        end
      end

      return switchedOff() or claimed() or slotTaken() or throttled()
    end`;

/** StartRequest. The current refusal of a start in the form of APPEND's answer, or {'ok'}. */
export const WOULD_REFUSE: Script = {
  keys: ['kill', 'claims', 'slots'],
  lua: `
    ${CONDITIONS}
    return refusal(cjson.decode(ARGV[1])) or { 'ok' }
  `,
};

/**
 * text of the entry, AppendRequest. Checks all conditions before any change, so an answer other than `ok` means that nothing was
 * written. Returns {'ok'}, {'reindexing'}, {'stale', head}, {'new'}, {'taken', alert}, {'open', incident}, {'kill-switch', JSON},
 * {'claim', server, owner}, {'slot', owner, server}, {'throttle', index, limit, last, count}.
 */
export const APPEND: Script = {
  keys: [...INDEX_KEYS, 'kill', 'feed', 'reindexing'],
  lua: `
    local text, ask = ARGV[1], cjson.decode(ARGV[2])
    local incident, journal = prefix .. 'incident:' .. ask.id, prefix .. 'journal:' .. ask.id
    local opening, start = ask.opening, ask.start
    if redis.call('EXISTS', reindexing) == 1 then return { 'reindexing' } end

    -- the head

    local head = redis.call('HGET', incident, 'head')
    if (head or '0:') ~= ask.head then return { 'stale', head or '0:' } end
    if not head and not opening then return { 'new' } end
    if opening then
      local holder = redis.call('HGET', keys, opening.key)
      if holder then return { 'open', holder } end
    end
    for _, alert in ipairs(ask.taking) do
      if redis.call('HEXISTS', alerts, alert) == 0 then return { 'taken', alert } end
    end

    -- the conditions of a start

    ${CONDITIONS}

    if start then
      local no = refusal(start)
      if no then return no end
    end

    -- everything holds: from here on it is written

    redis.call('XADD', journal, exact(ask.seq) .. '-0', 'e', text)
    redis.call('XADD', feed, 'MAXLEN', '~', exact(ask.feedLength), '*', 'i', ask.id, 'e', text)
    redis.call('HSET', incident, 'head', ask.newHead)
    for _, alert in ipairs(ask.taking) do
      redis.call('HDEL', alerts, alert)
      redis.call('ZREM', pending, alert)
    end
    ${INDEXES}

    if redis.call('HGET', incident, 'open') == '0' then redis.call('SADD', unpacked, ask.id) end
    return { 'ok' }`,
};
