-- Drop what every group has acknowledged, and nothing else.
--
-- KEYS: stream
-- ARGV: the groups that must be there
-- Replies: {number dropped, 'ok'}, or {0, the group that is missing}
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
for _, group in ipairs(ARGV) do missing[group] = true end
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
return {redis.call('XTRIM', KEYS[1], 'MINID', '~', least), 'ok'}
