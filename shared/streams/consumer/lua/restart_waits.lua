-- Let waits begin anew that would last as much longer as this server's clock has gone back.
--
-- What was delivered in the future is idle for 0 ms, as is what was delivered just now: either is
-- delivered now. Whoever works on an entry renews it anyway.
--
-- KEYS: stream, sorted set of parked orders
-- ARGV: group, lease_ms, 'back' if the clock is known to have gone back, or ''
-- Replies: how many entries and parked orders wait anew
local log, due, group, lease, anew = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), 0
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local from = '-'
repeat
  local page = redis.call('XPENDING', log, group, from, '+', 1000)
  for _, e in ipairs(page) do
    if e[3] == 0 then
      redis.call('XCLAIM', log, group, e[2], 0, e[1], 'JUSTID')
      anew = anew + 1
    end
    from = '(' .. e[1]
  end
until #page < 1000

-- Entries' ids never go back: a last one that is yet to come tells on the clock.
local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
if ARGV[3] == 'back' or (newest and tonumber(string.match(newest[1], '^%d+')) > now + 1000) then
  local latest = string.format('%.0f', now + lease)
  -- To be looked at too early does no order any harm.
  for _, order in ipairs(redis.call('ZRANGEBYSCORE', due, '(' .. latest, '+inf')) do
    redis.call('ZADD', due, latest, order)
    anew = anew + 1
  end
end
return anew
