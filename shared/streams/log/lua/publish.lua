-- Publish many messages with one command.
--
-- KEYS: channels
-- ARGV: messages
for i = 1, #KEYS do redis.call('SPUBLISH', KEYS[i], ARGV[i]) end
return #KEYS
