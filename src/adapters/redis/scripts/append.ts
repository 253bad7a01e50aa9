import type { Script } from './script.ts';

/** The second argument of APPEND, as JSON. Fields are keys of hashes, made by the caller. */
export interface AppendRequest {
  id: string;
  head: string;
  newHead: string;
  seq: number;
  at: number;
  /** `null`: none; `false`: leave it. */
  due: number | null | false;
  opening?: { key: string; server: string; family: string };
  /** Pending alerts that it accounts for. */
  taking: string[];
  /** The organisation that it was seen to be in. */
  world?: string;
  repeatCount?: number;
  start?: {
    owner: string;
    world: string;
    /** Names in lower case, as keys: a set for each field. */
    kill: Record<'playbook' | 'server' | 'group', Record<string, true>>;
    claims: { field: string; server: string }[];
    slot?: { field: string; group: string; server: string };
    throttles: {
      field: string;
      now: number;
      between: number;
      perHour: number;
      perDay: number;
      /** How long starts are remembered, ms. */
      kept: number;
    }[];
    disrupts: { field: string; value: string }[];
  };
  owe: { field: string; text: string }[];
  settle: { field: string; server: string; world: string; of?: { incident: string; id: string } }[];
  /** Names of sorted sets, made by the caller. */
  trouble?: { server: string; seen: string[]; gone: string[] };
  finishing?: {
    root: string;
    isRoot: boolean;
    keep: string[];
    recovered: boolean;
    requeue: { id: string; receivedAt: number; text: string }[];
    /** `field`: without the world, which the incident knows. */
    runs: { playbook: string; text: string }[];
  };
  feedLength: number;
  /** Real time at which it ended, where that is long ago; else now. */
  ended?: number;
}

/** A number as text that reads back as the same number. */
export const EXACT = `local function exact(number) return string.format('%.17g', number) end`;

/** Which condition of a start says no, as the answer of the script; nil when none does. Writes nothing. */
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

/** StartRequest. What would refuse a start now: the refusal as APPEND answers it, or {'ok'}. */
export const WOULD_REFUSE: Script = {
  keys: ['kill', 'claims', 'slots'],
  lua: `
    ${CONDITIONS}
    return refusal(cjson.decode(ARGV[1])) or { 'ok' }
  `,
};

/** Shared keys that `INDEXES` uses. */
export const INDEX_KEYS = [
  'alerts',
  'pending',
  'keys',
  'all',
  'open',
  'finished',
  'ended',
  'unpacked',
  'outcomes',
  'disrupting',
  'due',
  'claims',
  'slots',
  'ledger',
] as const;

/** What is written beside an entry: `ask` and its `opening`, `start`, `finishing`; `incident` is the hash. */
export const INDEXES = `if opening then
      redis.call('HSET', incident, 'key', opening.key, 'openedAt', exact(ask.at), 'open', '1')
      redis.call('HSET', incident, 'server', opening.server, 'family', opening.family)
      redis.call('HSET', prefix .. 'on:' .. opening.server, ask.id, opening.family)
      redis.call('HSET', keys, opening.key, ask.id)
      redis.call('ZADD', all, exact(ask.at), ask.id)
      redis.call('ZADD', open, exact(ask.at), ask.id)
    end
    local world = start and start.world or ask.world
    if world then redis.call('HSET', incident, 'world', world) end
    if ask.repeatCount and ask.repeatCount > tonumber(redis.call('HGET', incident, 'repeatCount') or '0') then
      redis.call('HSET', incident, 'repeatCount', exact(ask.repeatCount))
    end

    if start then
      for _, claim in ipairs(start.claims) do
        redis.call('HSET', claims, claim.field, start.owner)
        redis.call('SADD', prefix .. 'held:' .. start.owner, claim.field)
      end
      if start.slot then
        local held = redis.call('HGET', slots, start.slot.field)
        if not held or cjson.decode(held).owner ~= start.owner then
          local slot = { owner = start.owner, world = start.world, group = start.slot.group, server = start.slot.server, kept = false }
          redis.call('HSET', slots, start.slot.field, cjson.encode(slot))
        end
      end
      for _, rule in ipairs(start.throttles) do
        local starts = prefix .. 'starts:' .. rule.field
        redis.call('ZADD', starts, 'NX', exact(rule.now), start.owner)
        redis.call('ZREMRANGEBYSCORE', starts, '-inf', exact(rule.now - rule.kept))
        -- The organisation's time never runs slower than the wall's.
        redis.call('PEXPIRE', starts, exact(rule.kept))
      end
      for _, one in ipairs(start.disrupts) do redis.call('HSET', disrupting, one.field, one.value) end
    end

    for _, debt in ipairs(ask.owe) do redis.call('HSETNX', ledger, debt.field, debt.text) end

    for _, debt in ipairs(ask.settle) do
      local entered = debt.of and redis.call('HGET', ledger, debt.field)
      local by = entered and cjson.decode(entered)
      local settled = not debt.of or (by and by.incident == debt.of.incident and by.debt.id == debt.of.id)
      if settled then redis.call('HDEL', ledger, debt.field) end
      local more = not settled
      for _, field in ipairs(redis.call('HKEYS', ledger)) do
        local place = cjson.decode(field)
        if place[1] == debt.world and place[2] == debt.server then more = true end
      end
      -- The last thing owed to the server is done: what a finished run kept for its sake is free.
      local all_slots = more and {} or redis.call('HGETALL', slots)
      for i = 1, #all_slots, 2 do
        local slot = cjson.decode(all_slots[i + 1])
        if slot.kept and slot.world == debt.world and slot.server == debt.server then
          redis.call('HDEL', slots, all_slots[i])
        end
      end
    end

    if ask.trouble then
      local function set(name) return prefix .. 'trouble:' .. name end
      for _, name in ipairs(ask.trouble.gone) do redis.call('ZREM', set(name), ask.trouble.server) end
      for _, name in ipairs(ask.trouble.seen) do
        redis.call('ZADD', set(name), exact(ask.at), ask.trouble.server)
        redis.call('ZREMRANGEBYSCORE', set(name), '-inf', exact(ask.at - 86400000))
        -- The organisation's time never runs slower than the wall's.
        redis.call('PEXPIRE', set(name), 86400000)
      end
    end

    if ask.due == cjson.null then redis.call('ZREM', due, ask.id)
    elseif ask.due then redis.call('ZADD', due, exact(ask.due), ask.id) end

    if finishing and redis.call('HGET', incident, 'open') == '1' then
      local time = redis.call('TIME')
      local now = exact(ask.ended or tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
      local key = redis.call('HGET', incident, 'key')
      redis.call('HSET', incident, 'open', '0')
      redis.call('HDEL', incident, 'nudges')
      redis.call('HDEL', keys, key)
      redis.call('HDEL', prefix .. 'on:' .. (redis.call('HGET', incident, 'server') or ''), ask.id)
      redis.call('ZREM', due, ask.id)
      redis.call('ZREM', open, ask.id)
      redis.call('ZADD', finished, redis.call('HGET', incident, 'openedAt'), ask.id)
      redis.call('ZADD', ended, now, ask.id)
      local count = redis.call('HGET', incident, 'repeatCount') or '0'
      local world = redis.call('HGET', incident, 'world') or ''
      redis.call('HSET', outcomes, key, now .. ':' .. count .. ':' .. world)
      if finishing.recovered then
        local recovered = prefix .. 'recovered:' .. world .. '/' .. key
        redis.call('ZADD', recovered, exact(ask.at), ask.id)
        redis.call('ZREMRANGEBYRANK', recovered, 0, -51)
        redis.call('PEXPIRE', recovered, 30 * 86400000)
      end
      for _, alert in ipairs(finishing.requeue) do
        -- What was sent again meanwhile, and waits, is the newer word.
        local waits = redis.call('HGET', alerts, alert.id)
        redis.call('HSET', alerts, alert.id, 'n' .. (waits and string.sub(waits, 2) or alert.text))
        redis.call('ZADD', pending, 'NX', exact(alert.receivedAt), alert.id)
      end
      for _, run in ipairs(finishing.runs) do
        local runs = prefix .. 'runs:' .. world .. '/' .. run.playbook
        redis.call('LPUSH', runs, run.text)
        redis.call('LTRIM', runs, 0, 19)
      end
      local by = redis.call('HGETALL', disrupting)
      for i = 1, #by, 2 do
        if string.match(by[i + 1], '^[^:]+:(.*)$') == ask.id then redis.call('HDEL', disrupting, by[i]) end
      end
      if finishing.isRoot then
        local held = prefix .. 'held:' .. finishing.root
        for _, field in ipairs(redis.call('SMEMBERS', held)) do
          if redis.call('HGET', claims, field) == finishing.root then redis.call('HDEL', claims, field) end
        end
        redis.call('DEL', held)
        local all_slots = redis.call('HGETALL', slots)
        for i = 1, #all_slots, 2 do
          local slot = cjson.decode(all_slots[i + 1])
          if slot.owner == finishing.root then
            local kept = false
            for _, group in ipairs(finishing.keep) do if group == slot.group then kept = true end end
            slot.kept = true
            if kept then redis.call('HSET', slots, all_slots[i], cjson.encode(slot))
            else redis.call('HDEL', slots, all_slots[i]) end
          end
        end
      end
    end
`;

/**
 * text of the entry, AppendRequest. First every condition, then every change: an answer other than `ok` means that
 * nothing was written. Answers {'ok'}, {'reindexing'}, {'stale', head}, {'new'}, {'taken', alert}, {'open', incident},
 * {'kill-switch', JSON}, {'claim', server, owner}, {'slot', owner, server}, {'throttle', index, limit, last, count}.
 */
export const APPEND: Script = {
  keys: [...INDEX_KEYS, 'kill', 'feed', 'reindexing'],
  lua: `
    local text, ask = ARGV[1], cjson.decode(ARGV[2])
    local incident, journal = prefix .. 'incident:' .. ask.id, prefix .. 'journal:' .. ask.id
    local opening, start, finishing = ask.opening, ask.start, ask.finishing
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
