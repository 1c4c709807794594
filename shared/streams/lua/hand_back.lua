-- Put entries that I hold back under '~retry'. Entries that another replica took are left alone.
--
-- KEYS: stream
-- ARGV: group, me, then for each entry: id, '1' if this delivery counts as an attempt
-- Replies: how many were handed back
local log, group, me, moved = KEYS[1], ARGV[1], ARGV[2], 0
for i = 3, #ARGV, 2 do
  local id, counts = ARGV[i], ARGV[i + 1] == '1'
  local held = redis.call('XPENDING', log, group, id, id, 1, me)[1]
  if held then
    local deliveries = counts and held[4] or math.max(held[4] - 1, 0)
    redis.call('XCLAIM', log, group, '~retry', 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
    moved = moved + 1
  end
end
return moved
