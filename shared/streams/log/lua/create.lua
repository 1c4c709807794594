-- Take new orders in, each at most once, however often and however late it is asked for.
--
-- `taken` remembers who was taken in, by until when that may be asked for again, and under '' up to
-- when it has forgotten. What is asked for up to then is late: it may have been there. So no two
-- clocks are compared, and none is relied on: this server's only says what may be forgotten.
--
-- KEYS, four an item: stream, list, taken, the marker of the order's key (or the list)
-- ARGV: number of items, for how long an order may be asked for (ms), then for each item
--   order id, until when it may be asked for (ms), the group that has work,
--   '' or 'ttl_s order_id digest' to remember a key, type and JSON of the event
-- Replies: the time (ms), then for each item 'ok', or {'there' | 'late' | 'marked' | 'error', what}
--   there:  it was taken in before
--   late:   up to when `taken` has forgotten
--   marked: the marker
local MOST = 100000 -- Remembered at a time, in a partition. With more, the oldest are forgotten.
local AFTER_MS = 1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function forget(taken, upto)
  redis.call('ZADD', taken, string.format('%.0f', upto), '')
  redis.call('ZREMRANGEBYSCORE', taken, '-inf', '(' .. string.format('%.0f', upto))
  return upto
end

local edges = {}
local function forgotten_upto(taken)
  if edges[taken] then return edges[taken] end
  -- A server that came back empty has forgotten whatever was asked for before.
  local known = redis.call('ZSCORE', taken, '')
  local edge = tonumber(known or now + ARGV[2])
  -- A clock that stepped back forgets nothing for as long: then their number is all that bounds them.
  local are_many = now <= edge and redis.call('ZCARD', taken) > MOST
  if not known or now >= edge + AFTER_MS or are_many then
    local newest = redis.call('ZRANGE', taken, -MOST, -MOST, 'WITHSCORES')
    edge = forget(taken, math.max(edge, now, tonumber(newest[2] or 0)))
  end
  edges[taken] = edge
  return edge
end

local added -- By the item that is at work, so that it can be taken back.
local function create(log, list, taken, marker, at)
  local order, until_ms, work, key = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  local kind, json = ARGV[at + 4], ARGV[at + 5]
  must_be_allowed('taken', 'ZADD', taken)
  must_be_allowed('log', 'XADD', log)
  must_be_allowed('list', 'RPUSH', list)
  must_be_allowed('work', 'XADD', log .. ':' .. work)
  if key ~= '' then
    must_be_allowed('marker', 'SET', marker)
    local known = redis.call('GET', marker)
    if known then return {'marked', known} end
  end
  local late = math.max(now, forgotten_upto(taken))
  if until_ms <= late then
    if redis.call('LLEN', list) > 0 or redis.call('ZSCORE', taken, order) then return {'there', ''} end
    return {'late', string.format('%.0f', late)}
  end
  if redis.call('ZADD', taken, 'NX', ARGV[at + 1], order) == 0 then
    return {'there', ''}
  end
  added = order
  redis.call('XADD', log, '*', 'type', kind, 'order', order, 'event', json)
  redis.call('RPUSH', list, json)
  redis.call('XADD', log .. ':' .. work, '*', 'type', kind, 'order', order, 'event', json)
  if key ~= '' then
    local ttl, remembered = string.match(key, '^(%d+) (.+)$')
    redis.call('SET', marker, remembered, 'EX', ttl)
  end
  return 'ok'
end

local replies = {string.format('%.0f', now)}
for i = 1, tonumber(ARGV[1]) do
  -- One order's broken key must not hold up the others.
  added = nil
  local fine, reply = pcall(create, KEYS[4 * i - 3], KEYS[4 * i - 2], KEYS[4 * i - 1], KEYS[4 * i], 6 * i - 3)
  if fine then
    replies[i + 1] = reply
  else
    if added then redis.pcall('ZREM', KEYS[4 * i - 1], added) end
    replies[i + 1] = {'error', type(reply) == 'table' and reply.err or tostring(reply)}
  end
end
return replies
