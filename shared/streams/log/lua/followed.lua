-- Tell which channels somebody listens to.
--
-- KEYS: channels
-- Returns the place of each that is listened to, counted from 1.
local counts = redis.call('PUBSUB', 'SHARDNUMSUB', unpack(KEYS))
local followed = {}
for i = 1, #KEYS do
    if counts[2 * i] > 0 then followed[#followed + 1] = i end
end
return followed
