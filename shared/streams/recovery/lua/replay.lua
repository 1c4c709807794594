-- Give a dead letter back to the one group that gave it up. The others see `only` and pass it by.
--
-- KEYS: stream, dead letters
-- ARGV: id of the dead letter
-- Replies: id of the new entry, or '' when somebody replayed it before
local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not found then return '' end
must_be_allowed('letters', 'XDEL', KEYS[2])
local fields, group = {}, nil
for i = 1, #found[2], 2 do
  local name, value = found[2][i], found[2][i + 1]
  if name == '_group' then group = value end
  if string.sub(name, 1, 1) ~= '_' and name ~= 'only' then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end
local id = redis.call('XADD', KEYS[1], '*', 'only', group, unpack(fields))
redis.call('XDEL', KEYS[2], ARGV[1])
return id
