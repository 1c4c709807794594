-- Give out places in the requests to a service, so that no window has more than it takes.
--
-- KEYS: places given out, by their time (ms); what there is while nobody may ask
-- ARGV: places a window, window (ms), then for each who asks
--       how many places of a window count, longest wait (ms)
-- Replies for each: the time until its place (ms), or less than 0: that time, and no place is given
-- Then: places left in the window, and for how long nobody may ask (ms)
local given, amount, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rest = math.max(0, redis.call('PTTL', KEYS[2]))

local function time_of(place)
  local found = redis.call('ZRANGE', given, -place, -place, 'WITHSCORES')
  return found[2] and tonumber(found[2]) or -window
end

if #ARGV > 2 then
  must_be_allowed('ZADD', 'ZADD', given)
  redis.call('ZREMRANGEBYSCORE', given, '-inf', now - window)
end
local replies, latest = {}, 0
for i = 3, #ARGV, 2 do
  local of, longest = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  -- The place that is so many before this one has left the window by then.
  local at = math.max(now + rest, time_of(1), time_of(of) + window)
  if at - now > longest then
    table.insert(replies, now - at)
  else
    redis.call('ZADD', given, at, table.concat({time[1], time[2], i}, '-'))
    table.insert(replies, at - now)
    latest = at
  end
end
if latest > 0 then redis.call('PEXPIRE', given, latest - now + window) end
local taken = redis.call('ZCOUNT', given, '(' .. string.format('%d', now - window), '+inf')
table.insert(replies, math.max(0, amount - taken))
table.insert(replies, rest)
return replies
