-- Compare-and-append: the only way anything is written to the log.
--
-- For each item: if the order's list is as long as expected, every event goes to the stream and
-- to the list; then the trigger is acknowledged. If the list is longer, somebody moved the order
-- on: nothing is appended and the trigger is acknowledged all the same. If it is shorter, history
-- is missing: nothing is touched.
--
-- KEYS, three an item: stream, list, and the key that `also` works on
-- ARGV: group, number of items; then for each item
--   order id, expected length, entry id to acknowledge or '', also, argument of also,
--   number of events, then type and JSON of each
-- also: ''       nothing
--       'park'   the order falls due in so many ms
--       'unpark' the order is no longer due
--       'mark'   'ttl_s order_id digest': remember a key; one that is remembered appends nothing
-- Replies for each item: {'ok' | 'moved' | 'missing' | 'marked' | 'error', length | marker | why}
local group, items, at = ARGV[1], tonumber(ARGV[2]), 3

local function settle(log, list, third, first)
  local order, expected, entry = ARGV[first], tonumber(ARGV[first + 1]), ARGV[first + 2]
  local also, argument, events = ARGV[first + 3], ARGV[first + 4], tonumber(ARGV[first + 5])
  local outcome = 'ok'
  if also == 'mark' then
    local marker = redis.call('GET', third)
    if marker then return {'marked', marker} end
  end
  local length = redis.call('LLEN', list)
  if length < expected then return {'missing', length} end
  if length > expected then
    outcome = 'moved'
  else
    -- XADD before XACK: scripts do not roll back, and one that raises must leave the trigger.
    for i = 1, events do
      local kind, json = ARGV[first + 4 + 2 * i], ARGV[first + 5 + 2 * i]
      redis.call('XADD', log, '*', 'type', kind, 'order', order, 'event', json)
      redis.call('RPUSH', list, json)
      -- The list of an ended order may expire soon, and this is not archived yet.
      if kind == 'OutcomeContradicted' then redis.call('PERSIST', list) end
    end
    length = length + events
    if also == 'mark' then
      local ttl, marker = string.match(argument, '^(%d+) (.+)$')
      redis.call('SET', third, marker, 'EX', ttl)
    end
  end
  -- Whoever moved the order on may have parked it anew: then it is not mine to take off.
  if outcome == 'ok' and also == 'park' then
    local now = redis.call('TIME')
    local due = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(argument)
    redis.call('ZADD', third, string.format('%.0f', due), order)
  elseif outcome == 'ok' and also == 'unpark' then
    redis.call('ZREM', third, order)
  end
  if entry ~= '' then redis.call('XACK', log, group, entry) end
  return {outcome, length}
end

local replies = {}
for i = 1, items do
  -- One order's broken key must not hold up the others.
  local fine, reply = pcall(settle, KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i], at)
  if fine then
    replies[i] = reply
  else
    replies[i] = {'error', type(reply) == 'table' and reply.err or tostring(reply)}
  end
  at = at + 6 + 2 * tonumber(ARGV[at + 5])
end
return replies
