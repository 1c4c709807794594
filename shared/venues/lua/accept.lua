-- Take transactions onto the simulated chain, each once per signature, up to its last block.
--
-- KEYS: ledger, then each transaction
-- ARGV: retention (ms), block (ms), then for each transaction
--       delay (ms), last block, fate, 'amount_in amount_out', the whole swap
-- Replies for each: nil when it is new, the height when that is past its last block, else what is
--                   known: {lands in (ms), fate, amounts}
local ledger, retention, block = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local height, taken_at = math.floor(now / block), string.format('%d', now)
local longest = -1

local function accept(transaction, at)
  local known = redis.call('GET', transaction)
  if known then
    local lands_at, fate, amounts = string.match(known, '^%d+ (%d+) (%S+) (.+)$')
    return {lands_at - now, fate, amounts}
  end
  local delay, last, fate = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
  if height > last then return height end
  -- What no block took in time is dropped.
  if math.floor((now + delay) / block) > last then fate = 'never_lands' end
  local written = table.concat({taken_at, string.format('%d', now + delay), fate, ARGV[at + 3]}, ' ')
  redis.call('SET', transaction, written, 'PX', delay + retention)
  redis.call('XADD', ledger, 'MINID', '~', string.format('%d', now - retention), '*',
    'fate', fate, 'swap', ARGV[at + 4])
  longest = math.max(longest, delay)
  return false
end

for _, command in ipairs({'XADD', 'PEXPIRE'}) do must_be_allowed(command, command, ledger) end
local replies = {}
for i = 2, #KEYS do replies[i - 1] = accept(KEYS[i], 5 * i - 7) end
if longest >= 0 then redis.call('PEXPIRE', ledger, longest + retention) end
return replies
