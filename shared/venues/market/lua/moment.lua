-- Tell where a scripted market stands; begin it where there is none.
--
-- KEYS: market
-- ARGV: the setting's script, and 1 if this replica asks for the first time
-- Replies: {the script that is played, the time since it began (ms), 1 while that is held}; nil
--          where there is no market, and '' is the setting
local market, setting, is_first = KEYS[1], ARGV[1], ARGV[2] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', market, 'setting', 'script', 'began', 'held')
local script, began, held = known[2], tonumber(known[3]), tonumber(known[4])
-- Only a replica that starts brings in another setting: two that run must not take turns.
if setting ~= '' and (not script or (is_first and known[1] ~= setting)) then
  redis.call('DEL', market)
  redis.call('HSET', market, 'setting', setting, 'script', setting,
    'began', string.format('%d', now))
  script, began, held = setting, now, nil
end
if not script then return false end
return {script, held or math.max(0, now - began), held and 1 or 0}
