-- Put the history of an ended order back for a while, unless it is there.
--
-- KEYS: the order's list
-- ARGV: how long (s), events...
-- Replies: number of events put back
if #ARGV == 1 or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('RPUSH', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return #ARGV - 1
