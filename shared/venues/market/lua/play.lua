-- Move a scripted market: to another script, to another time, or hold and release its clock.
--
-- KEYS: market
-- ARGV: the setting's script, the script to play, the time since it began (ms), 1 to hold it there
--       and 0 to let it go on; '' leaves each of them as it is
-- Replies: 1, or 0 where there is no market and no setting for one
local market, setting, script, at, hold = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', market, 'script', 'began', 'held', 'setting')
if setting == '' then setting = known[4] end
if not setting then return 0 end
local began, held = tonumber(known[2]) or now, tonumber(known[3])
if not at then at = held or math.max(0, now - began) end
if script == '' then script = known[1] or setting end
if hold == '' then hold = held and '1' or '0' end
redis.call('HSET', market, 'setting', setting, 'script', script,
  'began', string.format('%d', now - at))
if hold == '1' then
  redis.call('HSET', market, 'held', string.format('%d', at))
else
  redis.call('HDEL', market, 'held')
end
return 1
