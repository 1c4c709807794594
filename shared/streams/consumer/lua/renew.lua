-- Keep what I still hold, so that nobody thinks I died.
--
-- KEYS: stream, sorted set of parked orders
-- ARGV: group, me, lease_ms, number of entries, their ids..., due orders I work on...
-- Replies: the ids that another replica took meanwhile
local log, due, group, me, lost = KEYS[1], KEYS[2], ARGV[1], ARGV[2], {}
local entries = tonumber(ARGV[4])
for i = 5, 4 + entries do
  -- Without any holder it was settled since the question was asked, and with ~retry handed back.
  local found = redis.call('XPENDING', log, group, ARGV[i], ARGV[i], 1)[1]
  local holder = found and found[2]
  if holder == me then
    redis.call('XCLAIM', log, group, me, 0, ARGV[i], 'JUSTID')
  elseif holder and holder ~= '~retry' then
    lost[#lost + 1] = ARGV[i]
  end
end
local now = redis.call('TIME')
local until_ms = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[3])
for i = 5 + entries, #ARGV do
  redis.call('ZADD', due, 'XX', 'GT', string.format('%.0f', until_ms), ARGV[i])
end
return lost
