-- Tell which replicas there are, and what all of them counted in the seconds that are over.
--
-- KEYS: as in heartbeat.lua
-- ARGV: the second behind which counts are wanted, how many seconds at most
-- Replies: the time (ms), seconds and their counts (second, {field, count ...} ...), every note
--          (name, note ...), when each replica was seen (name, ms ...)
local time = redis.call('TIME')
local last = time[1] - 1
local counts = {}
for second = math.max(ARGV[1] + 1, last - ARGV[2] + 1), last do
  table.insert(counts, second)
  table.insert(counts, redis.call('HGETALL', KEYS[3] .. string.format('%d', second)))
end
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
return {now, counts, redis.call('HGETALL', KEYS[1]), seen}
