-- Keep entries that I still hold, so that nobody thinks I died.
--
-- KEYS: stream
-- ARGV: group, me, ids...
-- Replies: the ids that another replica took meanwhile or that are settled
local log, group, me, lost = KEYS[1], ARGV[1], ARGV[2], {}
for i = 3, #ARGV do
  if redis.call('XPENDING', log, group, ARGV[i], ARGV[i], 1, me)[1] then
    redis.call('XCLAIM', log, group, me, 0, ARGV[i], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
