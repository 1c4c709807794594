-- Delete a consumer without losing what it holds: deleting alone would drop its pending entries.
--
-- KEYS: stream
-- ARGV: group, consumer, least idle ms (0 = it leaves by itself: its deliveries do not count)
-- Replies: number of entries handed on, or -1 when the consumer is alive or not there
local log, group, name, idle = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local found = false
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', log, group)) do
  local fields = {}
  for i = 1, #consumer, 2 do fields[consumer[i]] = consumer[i + 1] end
  found = found or (fields['name'] == name and fields['idle'] >= idle)
end
if not found then return -1 end
local moved = 0
while true do
  local page = redis.call('XPENDING', log, group, '-', '+', 100, name)
  if #page == 0 then break end
  for _, e in ipairs(page) do
    local deliveries = idle == 0 and math.max(e[4] - 1, 0) or e[4]
    -- An hour idle: due at once, whatever the wait.
    local kept = redis.call('XCLAIM', log, group, '~retry', 0, e[1],
      'IDLE', 3600000, 'RETRYCOUNT', deliveries, 'JUSTID')
    if #kept == 0 then redis.call('XACK', log, group, e[1]) end
    moved = moved + 1
  end
end
redis.call('XGROUP', 'DELCONSUMER', log, group, name)
return moved
