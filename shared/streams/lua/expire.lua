-- Let histories expire that the archive holds as a whole, unless they are about to already.
--
-- KEYS: the orders' lists
-- ARGV: after how many seconds, then for each the version that is archived
-- Replies: how many lists were named
local some_halted = {}
local function is_halted(list)
  local partition, order = string.match(list, '^(.*:)order:(.*)$')
  local set = partition .. 'halted'
  if some_halted[set] == nil then some_halted[set] = redis.call('EXISTS', set) == 1 end
  return some_halted[set] and redis.call('SISMEMBER', set, order) == 1
end

for i = 1, #KEYS do
  -- A longer one has an event that the archive has not: it expires with that. A halted one stays.
  if redis.call('LLEN', KEYS[i]) == tonumber(ARGV[i + 1]) and not is_halted(KEYS[i]) then
    redis.call('EXPIRE', KEYS[i], ARGV[1], 'NX')
  end
end
return #KEYS
