-- Compare-and-append: the only way an order on the log goes on. `create.lua` begins it.
--
-- For each item: if the order's list is as long as expected, its events go to the list, and to the
-- stream as one entry; the last one also to the group that it gives work to; then the trigger is
-- acknowledged. If the list is longer, somebody moved the order on: nothing is appended, and the
-- trigger is left to whoever holds it. If it is shorter, history is missing: nothing is touched.
-- Nor is anything where the order is halted.
--
-- KEYS, three an item: stream, list, and the sorted set that `also` works on
-- ARGV: group, me, number of items; then for each item
--   order id, expected length (at least 1), entry id of the trigger or '', 'keep' to leave it pending,
--   the group that has work now or '', also, argument of also,
--   number of events, then type and JSON of each
-- also: ''       nothing
--       'park'   the order falls due in so many ms, if its turn was here: the trigger is pending, or
--                without one the order is parked
--       'unpark' the order is no longer due
-- Replies for each item: 'ok', or {'moved' | 'missing' | 'halted' | 'error', length | why};
-- {'moved', length, last event} where the trigger is mine.
local group, me, items, at = ARGV[1], ARGV[2], tonumber(ARGV[3]), 4

local function has_turn(trigger, parked, order, entry)
  if entry == '' then return redis.call('ZSCORE', parked, order) end
  return redis.call('XPENDING', trigger, group, entry, entry, 1)[1]
end

-- Mostly there are none, and that is asked once.
local halted, sets = {}, {}
for i = 1, items do
  local log = KEYS[3 * i - 2]
  if not halted[log] then
    halted[log] = string.sub(log, 1, -4) .. 'halted'
    sets[#sets + 1] = halted[log]
  end
end
local some_halted = items > 0 and redis.call('EXISTS', unpack(sets)) > 0
local function is_halted(log, order)
  return some_halted and redis.call('SISMEMBER', halted[log], order) == 1
end

local function settle(log, list, third, first)
  local order, expected, entry = ARGV[first], tonumber(ARGV[first + 1]), ARGV[first + 2]
  local keep, work, also = ARGV[first + 3], ARGV[first + 4], ARGV[first + 5]
  local argument, events = ARGV[first + 6], tonumber(ARGV[first + 7])
  local length = redis.call('LLEN', list)
  if length < expected or length == 0 then return {'missing', length} end
  -- The stream of a group's work is named after it.
  local trigger = log .. ':' .. group
  if length > expected then
    if entry ~= '' and redis.call('XPENDING', trigger, group, entry, entry, 1, me)[1] then
      return {'moved', length, redis.call('LINDEX', list, -1)}
    end
    return {'moved', length}
  end
  if is_halted(log, order) then return {'halted', length} end
  local last = first + 6 + 2 * events
  local kind, json = ARGV[last], ARGV[last + 1]
  if events > 0 then
    must_be_allowed('log', 'XADD', log)
    must_be_allowed('list', 'RPUSH', list)
    if kind == 'OutcomeContradicted' then must_be_allowed('ended', 'PERSIST', list) end
  end
  if work ~= '' then must_be_allowed('work', 'XADD', log .. ':' .. work) end
  if also ~= '' then must_be_allowed(also, also == 'park' and 'ZADD' or 'ZREM', third) end
  if entry ~= '' then must_be_allowed('trigger', 'XACK', trigger) end
  -- XADD before XACK: scripts do not roll back, and one that raises must leave the trigger.
  if events == 1 then
    redis.call('XADD', log, '*', 'type', kind, 'order', order, 'event', json)
    redis.call('RPUSH', list, json)
  elseif events > 1 then
    local fields, jsons = {'order', order}, {}
    for i = first + 8, last, 2 do
      local n = #fields
      fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = 'type', ARGV[i], 'event', ARGV[i + 1]
      jsons[#jsons + 1] = ARGV[i + 1]
    end
    redis.call('XADD', log, '*', unpack(fields))
    redis.call('RPUSH', list, unpack(jsons))
  end
  -- The list of an ended order may expire soon, and this is not archived yet.
  if events > 0 and kind == 'OutcomeContradicted' then redis.call('PERSIST', list) end
  if work ~= '' then
    redis.call('XADD', log .. ':' .. work, '*', 'type', kind, 'order', order, 'event', json)
  end
  -- Parked by its new event, or because its turn was here: a parking that is repeated makes none.
  if also == 'park' and (events > 0 or has_turn(trigger, third, order, entry)) then
    local now = redis.call('TIME')
    local due = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(argument)
    redis.call('ZADD', third, string.format('%.0f', due), order)
  elseif also == 'unpark' then
    redis.call('ZREM', third, order)
  end
  if entry ~= '' and keep == '' then redis.call('XACK', trigger, group, entry) end
  return 'ok'
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
  at = at + 8 + 2 * tonumber(ARGV[at + 7])
end
return replies
