-- Note that a replica lives, or leaves, and add what it has counted to the present second.
--
-- KEYS: replicas (hash, a note each), seen (sorted set of them, by when they were seen, in ms),
--       and what a second is put behind to name its counts (hash)
-- ARGV: the replica's name, its note or '' when it leaves, how long it is remembered (ms), how many
--       replicas are at most, how long a second is kept (ms), then field and count of each
-- Replies: the time (ms)
local name, note, remembered, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local second = KEYS[3] .. time[1]

local function forget(names)
  for _, gone in ipairs(names) do
    redis.call('ZREM', KEYS[2], gone)
    redis.call('HDEL', KEYS[1], gone)
  end
end

must_be_allowed('replicas', 'HSET', KEYS[1])
must_be_allowed('seen', 'ZADD', KEYS[2])
must_be_allowed('second', 'HINCRBY', second)
if note == '' then
  forget({name})
else
  redis.call('HSET', KEYS[1], name, note)
  redis.call('ZADD', KEYS[2], now, name)
  redis.call('PEXPIRE', KEYS[1], remembered)
  redis.call('PEXPIRE', KEYS[2], remembered)
  forget(redis.call('ZRANGE', KEYS[2], '-inf', now - remembered, 'BYSCORE', 'LIMIT', 0, 100))
  local over = redis.call('ZCARD', KEYS[2]) - most
  if over > 0 then forget(redis.call('ZRANGE', KEYS[2], 0, over - 1)) end
end
for i = 6, #ARGV, 2 do
  redis.call('HINCRBY', second, ARGV[i], ARGV[i + 1])
end
if #ARGV > 5 then redis.call('PEXPIRE', second, ARGV[5]) end
return now
