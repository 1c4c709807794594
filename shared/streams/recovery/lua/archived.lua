-- Remember how far a partition is archived, unless this server has lost what it was told before.
--
-- KEYS: what remembers it
-- ARGV: the id that the archive says this server was told last, or ''; the id it is told now
-- Replies: 1, or 0 when this server was told less than that. One that was told nothing is new.
local function before(x, y)
  local a, b = string.match(x, '^(%d+)%-(%d+)$')
  local c, d = string.match(y, '^(%d+)%-(%d+)$')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a < c or (a == c and b < d)
end
local known, told, now = redis.call('GET', KEYS[1]), ARGV[1], ARGV[2]
if told ~= '' then
  if known and before(known, told) then return 0 end
  -- A new server's clock may be behind the old one's.
  if before(now, told) then now = told end
end
if not known or before(known, now) then redis.call('SET', KEYS[1], now) end
return 1
