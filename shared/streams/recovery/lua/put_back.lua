-- Put an order that is nobody's back on its way: once, whoever comes first.
--
-- KEYS: stream, the order's list, suspects
-- ARGV: order id, its version, since when it was noted, group, then type and JSON of each event
-- With a group, the events are on the list, and get new entries for that group alone (the others
-- see `only` and pass them by). With '', they are missing at the end of the list and return there.
-- Replies: 1, or 0 when the order is no longer as it was
local log, list, suspects, order, group = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[4]
local name = order .. ' ' .. ARGV[2]
if redis.call('ZSCORE', suspects, name) ~= ARGV[3] then return 0 end
if redis.call('LLEN', list) ~= tonumber(ARGV[2]) then return 0 end
must_be_allowed('suspects', 'ZADD', suspects)
for i = 5, #ARGV, 2 do
  if group == '' then
    redis.call('RPUSH', list, ARGV[i + 1])
  else
    redis.call('XADD', log, '*', 'only', group,
      'type', ARGV[i], 'order', order, 'event', ARGV[i + 1])
  end
end
-- Noted anew: the new entries are younger than this, or the version is another.
local now = redis.call('TIME')
redis.call('ZADD', suspects, string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)), name)
return 1
