-- Drop what every group has acknowledged and what is older than a window, and nothing else.
--
-- One entry that is older stays: a place in the log is good as long as its entry is there, and where
-- nothing happens that is the last one. If the window holds too many entries it ends earlier.
--
-- KEYS: stream
-- ARGV: the window (ms; 0 for none), how many entries it may hold, the groups that must be there
-- Replies: {number dropped, 'ok'}, or {0, the group that is missing}
local LOOKS = 16 -- At how short a window the entries fit, each time as though they came evenly.

local function split(id)
  local a, b = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(a), tonumber(b)
end
local function before(x, y)
  local a, b = split(x)
  local c, d = split(y)
  return a < c or (a == c and b < d)
end
local missing = {}
for i = 3, #ARGV do missing[ARGV[i]] = true end
local least
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  missing[fields['name']] = nil
  local safe = fields['last-delivered-id']
  if fields['pending'] > 0 then
    local oldest = redis.call('XPENDING', KEYS[1], fields['name'])[2]
    if oldest and before(oldest, safe) then safe = oldest end
  end
  if not least or before(safe, least) then least = safe end
end
for group in pairs(missing) do return {0, group} end

local function drop(upto)
  return redis.call('XTRIM', KEYS[1], 'MINID', '~', before(least, upto) and least or upto)
end
local window, most = tonumber(ARGV[1]), tonumber(ARGV[2])
if window == 0 then return {drop(least), 'ok'} end

local now, dropped = redis.call('TIME'), 0
now = now[1] * 1000 + math.floor(now[2] / 1000)
for look = 1, LOOKS do
  local edge = string.format('(%.0f-0', math.max(0, now - window))
  local older = redis.call('XREVRANGE', KEYS[1], edge, '-', 'COUNT', 1)[1]
  if older then dropped = dropped + drop(older[1]) end
  local length = redis.call('XLEN', KEYS[1])
  if length <= most or (older and before(least, older[1])) then break end
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  -- Somewhat less, because entries are dropped by whole nodes of the stream.
  window = math.floor(math.min(window, now - split(first[1])) * 0.95 * most / length)
  -- All at once, or the clock went back: then nothing tells which are old.
  if window <= 0 or look == LOOKS then
    dropped = dropped + drop(least)
    break
  end
end
return {dropped, 'ok'}
