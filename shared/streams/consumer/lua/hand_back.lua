-- Put entries that I hold back under '~retry'. Entries that another replica took are left alone.
--
-- KEYS: stream
-- ARGV: group, me, then for each entry: id, how often it was tried
-- Replies: how many were handed back
local log, group, me, moved = KEYS[1], ARGV[1], ARGV[2], 0
for i = 3, #ARGV, 2 do
  local id, tried = ARGV[i], ARGV[i + 1]
  if redis.call('XPENDING', log, group, id, id, 1, me)[1] then
    redis.call('XCLAIM', log, group, '~retry', 0, id, 'RETRYCOUNT', tried, 'JUSTID')
    moved = moved + 1
  end
end
return moved
