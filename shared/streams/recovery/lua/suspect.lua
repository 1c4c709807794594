-- Note orders that seem at rest, and tell of those that nobody holds.
--
-- An order is nobody's when it was found at the same version twice, `rest_ms` apart, is not
-- parked, and each group concerned has settled every entry of it that is that old. Entries that
-- are younger cannot be its own: whoever adds one notes the order anew.
--
-- KEYS: the log, suspects
-- ARGV: prefix of the orders' lists, prefix of the parkings, rest_ms, keep_ms, most pending
--       entries to look at, the group that archives; then for each order
--       its id, its version, the group that acts next on it
-- Replies for each order: since when it was at rest (ms), or '' when it is not nobody's
local log, suspects, lists, parkings = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local rested = now - tonumber(ARGV[3])
local most, archives, held = tonumber(ARGV[5]), ARGV[6], {}

redis.call('ZREMRANGEBYSCORE', suspects, '-inf', now - tonumber(ARGV[4]))

local function ms_of(id) return tonumber(string.match(id, '^%d+')) end
local function is_old(ms) return ms <= rested or ms > now end

-- The orders with an entry as old as that before the group; nil when that cannot be told now.
local function look(group)
  -- The stream of a group's work is named after it.
  local stream = group == archives and log or log .. ':' .. group
  local given, orders
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local fields = {}
    for i = 1, #info, 2 do fields[info[i]] = info[i + 1] end
    if fields['name'] == group then given = fields['last-delivered-id'] end
  end
  if not given then return nil end
  local waiting = redis.call('XRANGE', stream, '(' .. given, '+', 'COUNT', 1)[1]
  if waiting and is_old(ms_of(waiting[1])) then return nil end
  -- Where the clock went back, ids do not tell which entries are younger.
  local upto = ms_of(given) > now and '+' or string.format('%.0f', rested)
  local pending = redis.call('XPENDING', stream, group, '-', upto, most)
  if #pending == most then return nil end
  orders = {}
  for _, entry in ipairs(pending) do
    local found = redis.call('XRANGE', stream, entry[1], entry[1])[1]
    for i = 1, found and #found[2] or 0, 2 do
      if found[2][i] == 'order' then orders[found[2][i + 1]] = true end
    end
  end
  return orders
end

local function settled(group, order)
  if held[group] == nil then held[group] = look(group) or false end
  return held[group] and not held[group][order]
end

local replies = {}
for i = 7, #ARGV, 3 do
  local order, version, group = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local name, reply = order .. ' ' .. version, ''
  if redis.call('LLEN', lists .. order) == tonumber(version)
      and not redis.call('ZSCORE', parkings .. group, order) then
    local since = redis.call('ZSCORE', suspects, name)
    if not since or tonumber(since) > now then
      redis.call('ZADD', suspects, string.format('%.0f', now), name)
    elseif tonumber(since) <= rested and settled(group, order) and settled(archives, order) then
      reply = since
    end
  else
    redis.call('ZREM', suspects, name)
  end
  replies[#replies + 1] = reply
end
return replies
