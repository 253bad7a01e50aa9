/**
 * Lua fragments that update the indexes for an entry. `APPEND` runs them for a new entry, and reindex for the entries of a
 * journal. Each can use
 *
 *     ask        the AppendRequest
 *     incident   the key of the hash of its incident
 *     exact      a number as text
 *     prefix     of the keys that it builds; the shared keys are locals of their names
 *
 * and nothing of the other fragments: its locals are its own.
 */

const inTurn = (...fragments: string[]) => fragments.map((fragment) => `do${fragment}end`).join('\n');

/** A number as text, without loss of precision. */
export const EXACT = `local function exact(number) return string.format('%.17g', number) end`;

/** The shared keys that the fragments use. */
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

/** Indexes a new incident by its key, its server and its age. */
const OPENING = `
  local opening = ask.opening
  if opening then
    redis.call('HSET', incident, 'key', opening.key, 'openedAt', exact(ask.at), 'open', '1')
    redis.call('HSET', incident, 'server', opening.server, 'family', opening.family)
    redis.call('HSET', prefix .. 'on:' .. opening.server, ask.id, opening.family)
    redis.call('HSET', keys, opening.key, ask.id)
    redis.call('ZADD', all, exact(ask.at), ask.id)
    redis.call('ZADD', open, exact(ask.at), ask.id)
  end
`;

/** Facts of the incident: its organisation, and the repeat count of its alert. */
const FACTS = `
  local world = ask.start and ask.start.world or ask.world
  if world then redis.call('HSET', incident, 'world', world) end
  if ask.repeatCount and ask.repeatCount > tonumber(redis.call('HGET', incident, 'repeatCount') or '0') then
    redis.call('HSET', incident, 'repeatCount', exact(ask.repeatCount))
  end
`;

/** The servers that a start claims for its owner, and the slot of its group, unless the owner already has it. */
const CLAIMS_AND_SLOT = `
  local start = ask.start
  for _, claim in ipairs(start and start.claims or {}) do
    redis.call('HSET', claims, claim.field, start.owner)
    redis.call('SADD', prefix .. 'held:' .. start.owner, claim.field)
  end
  local wanted = start and start.slot
  local held = wanted and redis.call('HGET', slots, wanted.field)
  if wanted and (not held or cjson.decode(held).owner ~= start.owner) then
    local slot = { owner = start.owner, world = start.world, group = wanted.group, server = wanted.server, kept = false }
    redis.call('HSET', slots, wanted.field, cjson.encode(slot))
  end
`;

/** The throttles that a start counts towards, until they expire. */
const THROTTLES = `
  for _, rule in ipairs(ask.start and ask.start.throttles or {}) do
    local starts = prefix .. 'starts:' .. rule.field
    redis.call('ZADD', starts, 'NX', exact(rule.now), ask.start.owner)
    redis.call('ZREMRANGEBYSCORE', starts, '-inf', exact(rule.now - rule.kept))
    -- The organisation's time never runs slower than the wall's.
    redis.call('PEXPIRE', starts, exact(rule.kept))
  end
`;

/** The servers that it disrupts, whose alerts belong to it for a while. */
const DISRUPTING = `
  for _, one in ipairs(ask.start and ask.start.disrupts or {}) do
    redis.call('HSET', disrupting, one.field, one.value)
  end
`;

/** Adds undo actions to the ledger, except for a setting that has an earlier entry. */
const OWING = `
  for _, debt in ipairs(ask.owe) do redis.call('HSETNX', ledger, debt.field, debt.text) end
`;

/** Removes completed undo actions. After the last one of a server, frees the slot that a finished run kept for it. */
const SETTLING = `
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
    local all_slots = more and {} or redis.call('HGETALL', slots)
    for i = 1, #all_slots, 2 do
      local slot = cjson.decode(all_slots[i + 1])
      if slot.kept and slot.world == debt.world and slot.server == debt.server then
        redis.call('HDEL', slots, all_slots[i])
      end
    end
  end
`;

/** Adds the problems that were seen on the server, for a day, and removes those that ended. */
const TROUBLE = `
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
`;

/** When the incident is due. */
const DUE = `
  if ask.due == cjson.null then redis.call('ZREM', due, ask.id)
  elseif ask.due then redis.call('ZADD', due, exact(ask.due), ask.id) end
`;

/**
 * Closes the incident and stores its outcome by its key. This fragment and the following also use `finishing`, `key` and `world`.
 */
const CLOSING = `
  local time = redis.call('TIME')
  local now = exact(ask.ended or tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
  redis.call('HSET', incident, 'open', '0')
  redis.call('HDEL', incident, 'nudges')
  redis.call('HDEL', keys, key)
  redis.call('HDEL', prefix .. 'on:' .. (redis.call('HGET', incident, 'server') or ''), ask.id)
  redis.call('ZREM', due, ask.id)
  redis.call('ZREM', open, ask.id)
  redis.call('ZADD', finished, redis.call('HGET', incident, 'openedAt'), ask.id)
  redis.call('ZADD', ended, now, ask.id)
  local count = redis.call('HGET', incident, 'repeatCount') or '0'
  redis.call('HSET', outcomes, key, now .. ':' .. count .. ':' .. world)
`;

/** The last recoveries of this key, for 30 days. */
const RECOVERED = `
  if finishing.recovered then
    local recovered = prefix .. 'recovered:' .. world .. '/' .. key
    redis.call('ZADD', recovered, exact(ask.at), ask.id)
    redis.call('ZREMRANGEBYRANK', recovered, 0, -51)
    redis.call('PEXPIRE', recovered, 30 * 86400000)
  end
`;

/** Makes the alerts that it returns pending again. If one was sent again and is pending, the newer text stays. */
const REQUEUEING = `
  for _, alert in ipairs(finishing.requeue) do
    local waits = redis.call('HGET', alerts, alert.id)
    redis.call('HSET', alerts, alert.id, 'n' .. (waits and string.sub(waits, 2) or alert.text))
    redis.call('ZADD', pending, 'NX', exact(alert.receivedAt), alert.id)
  end
`;

/** The last runs of each of its playbooks. */
const RUNS = `
  for _, run in ipairs(finishing.runs) do
    local runs = prefix .. 'runs:' .. world .. '/' .. run.playbook
    redis.call('LPUSH', runs, run.text)
    redis.call('LTRIM', runs, 0, 19)
  end
`;

/** Ends its disruptions. */
const NOT_DISRUPTING = `
  local by = redis.call('HGETALL', disrupting)
  for i = 1, #by, 2 do
    if string.match(by[i + 1], '^[^:]+:(.*)$') == ask.id then redis.call('HDEL', disrupting, by[i]) end
  end
`;

/** Releases the claims and slots of the root of a family, except slots that it keeps for a drained server. */
const RELEASING = `
  local held = prefix .. 'held:' .. finishing.root
  for _, field in ipairs(finishing.isRoot and redis.call('SMEMBERS', held) or {}) do
    if redis.call('HGET', claims, field) == finishing.root then redis.call('HDEL', claims, field) end
  end
  if finishing.isRoot then redis.call('DEL', held) end
  local all_slots = finishing.isRoot and redis.call('HGETALL', slots) or {}
  for i = 1, #all_slots, 2 do
    local slot = cjson.decode(all_slots[i + 1])
    if slot.owner == finishing.root then
      slot.kept = false
      for _, group in ipairs(finishing.keep) do if group == slot.group then slot.kept = true end end
      if slot.kept then redis.call('HSET', slots, all_slots[i], cjson.encode(slot))
      else redis.call('HDEL', slots, all_slots[i]) end
    end
  end
`;

/** Finishes an incident once. `key`: its correlation key; `world`: its organisation. */
const FINISHING = `
  local finishing = ask.finishing
  if finishing and redis.call('HGET', incident, 'open') == '1' then
    local key = redis.call('HGET', incident, 'key')
    local world = redis.call('HGET', incident, 'world') or ''
    ${inTurn(CLOSING, RECOVERED, REQUEUEING, RUNS, NOT_DISRUPTING, RELEASING)}
  end
`;

/** All fragments, in this order. */
export const INDEXES = inTurn(
  OPENING,
  FACTS,
  CLAIMS_AND_SLOT,
  THROTTLES,
  DISRUPTING,
  OWING,
  SETTLING,
  TROUBLE,
  DUE,
  FINISHING,
);
