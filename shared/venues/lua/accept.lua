-- Take transactions onto the simulated chain, each once per signature, up to its last block.
--
-- KEYS: ledger, then each transaction
-- ARGV: retention (ms), block (ms), then for each transaction
--       delay (ms), last block, fate, amount in, amount out, order id, signature, venue, token in,
--       token out
-- Replies for each: nil when it is new, the height when that is past its last block, else what is
--                   known: {lands in (ms), fate, amount in, amount out}
local ledger, retention, block = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local height, taken_at = math.floor(now / block), string.format('%d', now)
local longest = -1

local function accept(transaction, at)
  local known = redis.call('GET', transaction)
  if known then
    local lands_at, fate, amount_in, amount_out =
      string.match(known, '^%d+ (%d+) (%S+) (%S+) (%S+)$')
    return {lands_at - now, fate, amount_in, amount_out}
  end
  local delay, last, fate = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
  if height > last then return height end
  -- What no block took in time is dropped.
  if math.floor((now + delay) / block) > last then fate = 'never_lands' end
  local lands_at, amount_in, amount_out = string.format('%d', now + delay), ARGV[at + 3], ARGV[at + 4]
  local written = table.concat({taken_at, lands_at, fate, amount_in, amount_out}, ' ')
  redis.call('SET', transaction, written, 'PX', delay + retention)
  redis.call('XADD', ledger, 'MINID', '~', string.format('%d', now - retention), '*',
    'lands_at', lands_at, 'fate', fate, 'amount_in', amount_in, 'amount_out', amount_out,
    'order_id', ARGV[at + 5], 'signature', ARGV[at + 6], 'venue', ARGV[at + 7],
    'token_in', ARGV[at + 8], 'token_out', ARGV[at + 9])
  longest = math.max(longest, delay)
  return false
end

local replies = {}
for i = 2, #KEYS do replies[i - 1] = accept(KEYS[i], 10 * i - 17) end
if longest >= 0 then redis.call('PEXPIRE', ledger, longest + retention) end
return replies
