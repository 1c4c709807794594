-- Take over what nobody works on: failed steps whose wait is over, entries whose holder went
-- quiet, and parked orders that fell due.
--
-- KEYS, two a partition: stream, sorted set of parked orders
-- ARGV: group, me, lease_ms ('' = take no lapsed leases now), base_ms, cap_ms, most of each kind
--       in a partition, when this was asked (ms, by this server's clock),
--       'latest' if whoever held an entry may have brought its order further meanwhile,
--       then for each partition the prefix of its orders' lists
-- Replies: the time (ms), then for each partition
--          {{{entry id, times delivered, fields, last event of the order or ''}...},
--           {{order id, length, last event}...}}
local group, me = ARGV[1], ARGV[2]
local base, cap, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local latest = ARGV[8] == 'latest'
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)

-- A question that lay in a queue while this server hung must not judge those who could not renew.
local lease = tonumber(ARGV[3])
if lease and ms - tonumber(ARGV[7]) > lease / 2 then lease = nil end

local function claim(log, id, idle)
  local found = redis.call('XCLAIM', log, group, me, idle, id)
  if found[1] then return found[1][2] end
  if #redis.call('XRANGE', log, id, id) == 0 then redis.call('XACK', log, group, id) end
end

local function last_of(lists, fields)
  for i = 1, latest and #fields or 0, 2 do
    if fields[i] == 'order' then
      local found = redis.pcall('LINDEX', lists .. fields[i + 1], -1)
      return type(found) == 'string' and found or ''
    end
  end
  return ''
end

local function retry_wait(id, _, deliveries)
  local wait = math.min(cap, base * 2 ^ math.max(0, math.min(deliveries - 1, 30)))
  -- Jitter from the id, so that every replica agrees when the entry is due.
  local part = tonumber(string.match(id, '(%d+)%-')) % 1000 / 1000
  return math.floor(wait * (1 + part / 4))
end

local function lease_wait(_, holder) return holder ~= '~retry' and lease end

-- A first page that is not due must not hide what is: walk on, in bounded steps.
local function walk(log, lists, entries, owner, least_idle, due_after)
  local from = '-'
  for _ = 1, 20 do
    local args = {'XPENDING', log, group, 'IDLE', least_idle, from, '+', 100}
    if owner then args[#args + 1] = owner end
    local page = redis.call(unpack(args))
    for _, e in ipairs(page) do
      if #entries >= most then return end
      local id, holder, idle, deliveries = e[1], e[2], e[3], e[4]
      local wait = due_after(id, holder, deliveries)
      if wait and idle >= wait then
        local fields = claim(log, id, wait)
        if fields then
          entries[#entries + 1] = {id, deliveries + 1, fields, last_of(lists, fields)}
        end
      end
    end
    if #page < 100 then return end
    from = '(' .. page[#page][1]
  end
end

local replies = {ms}
for i = 1, #KEYS / 2 do
  local log, due, lists, entries, orders = KEYS[2 * i - 1], KEYS[2 * i], ARGV[8 + i], {}, {}
  walk(log, lists, entries, '~retry', base, retry_wait)
  if lease then
    walk(log, lists, entries, nil, lease, lease_wait)
    -- A share of its own: retries that never end must not keep the chain from being asked.
    for _, order in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ms, 'LIMIT', 0, most)) do
      redis.call('ZADD', due, string.format('%.0f', ms + lease), order)
      local list = lists .. order
      orders[#orders + 1] = {order, redis.call('LLEN', list), redis.call('LINDEX', list, -1)}
    end
  end
  replies[i + 1] = {entries, orders}
end
return replies
