-- Let histories expire that the archive holds as a whole, unless they are about to already.
--
-- KEYS: the orders' lists
-- ARGV: after how many seconds, then for each the version that is archived
-- Replies: how many lists were named
-- Mostly there are none, and that is asked once.
local halted, sets = {}, {}
for i = 1, #KEYS do
  local partition = string.sub(KEYS[i], 1, string.find(KEYS[i], '}:', 1, true) + 1)
  if not halted[partition] then
    halted[partition] = partition .. 'halted'
    sets[#sets + 1] = halted[partition]
  end
end
local some_halted = redis.call('EXISTS', unpack(sets)) > 0
local function is_halted(list)
  if not some_halted then return false end
  local partition, order = string.match(list, '^(.*:)order:(.*)$')
  return redis.call('SISMEMBER', halted[partition], order) == 1
end

for i = 1, #KEYS do
  -- A longer one has an event that the archive has not: it expires with that. A halted one stays.
  if redis.call('LLEN', KEYS[i]) == tonumber(ARGV[i + 1]) and not is_halted(KEYS[i]) then
    redis.call('EXPIRE', KEYS[i], ARGV[1], 'NX')
  end
end
return #KEYS
