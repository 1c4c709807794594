-- Let keys expire, unless they are about to already.
--
-- KEYS: keys
-- ARGV: after how many seconds
-- Replies: how many keys there are
for i = 1, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[1], 'NX') end
return #KEYS
