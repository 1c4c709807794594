-- Set an entry aside with the reason, and acknowledge it for the group that gave up.
--
-- KEYS: stream, dead letters
-- ARGV: group, entry id, deliveries, reason
-- Replies: id of the dead letter, or '' when the entry was settled already
local log, dead, group, id = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
if #redis.call('XPENDING', log, group, id, id, 1) == 0 then return '' end
must_be_allowed('stream', 'XACK', log)
local found = redis.call('XRANGE', log, id, id)[1]
local letter = redis.call('XADD', dead, '*', '_group', group, '_entry', id,
  '_deliveries', ARGV[3], '_reason', ARGV[4], unpack(found and found[2] or {}))
redis.call('XACK', log, group, id)
return letter
