-- Let nothing be appended to some orders of a partition any more, and keep their histories.
--
-- KEYS: set of halted orders, then the list of each order
-- ARGV: the order of each list
-- Replies: how many orders were named
for i = 1, #ARGV do
  redis.call('SADD', KEYS[1], ARGV[i])
  redis.call('PERSIST', KEYS[i + 1])
end
return #ARGV
