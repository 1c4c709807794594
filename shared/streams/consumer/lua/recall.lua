-- Put the history of an ended order back for a while, unless it is there.
--
-- Only for who still has the order's turn: another one may have added to the history since it was
-- read, and let it go again.
--
-- KEYS: the order's list, the group's stream, its sorted set of parked orders
-- ARGV: order id, group, me, the entry that I hold or '', until when the order is mine without one (ms),
--       how long (s), events...
-- Replies: number of events put back
local list, stream, due = KEYS[1], KEYS[2], KEYS[3]
local order, group, me, entry, until_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local mine
if entry ~= '' then
  mine = redis.call('XPENDING', stream, group, entry, entry, 1, me)[1]
else
  mine = tonumber(redis.call('ZSCORE', due, order) or -1) == tonumber(until_ms)
end
if not mine or redis.call('EXISTS', list) == 1 then return 0 end
must_be_allowed('list', 'EXPIRE', list)
redis.call('RPUSH', list, unpack(ARGV, 7))
redis.call('EXPIRE', list, ARGV[6])
return #ARGV - 6
