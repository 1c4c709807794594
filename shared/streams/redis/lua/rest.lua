-- Let nobody ask a service for a while; a longer rest stays.
--
-- KEYS: what there is while nobody may ask
-- ARGV: how long (ms)
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 0
