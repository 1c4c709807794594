-- Let histories expire that the archive holds as a whole, unless they are about to already.
--
-- KEYS: the orders' lists
-- ARGV: after how many seconds, then for each the version that is archived
-- Replies: how many lists were asked about
for i = 1, #KEYS do
  -- A longer one has an event that the archive has not: it expires with that.
  if redis.call('LLEN', KEYS[i]) == tonumber(ARGV[i + 1]) then
    redis.call('EXPIRE', KEYS[i], ARGV[1], 'NX')
  end
end
return #KEYS
