-- Take a transaction onto the simulated chain, once per signature, up to its last block.
--
-- KEYS: transaction, ledger
-- ARGV: delay (ms), retention (ms), block (ms), last block, fate, amount in, amount out, order id,
--       signature, venue, token in, token out
-- Replies: nil when it is new, the height when that is past its last block, else what is known:
--          {lands in (ms), fate, amount in, amount out}
local transaction, ledger = KEYS[1], KEYS[2]
local delay, retention = tonumber(ARGV[1]), tonumber(ARGV[2])
local block, last, fate = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', transaction, 'lands_at', 'fate', 'amount_in', 'amount_out')
if known[1] then
  known[1] = known[1] - now
  return known
end
local height = math.floor(now / block)
if height > last then return height end
-- What no block took in time is dropped.
if math.floor((now + delay) / block) > last then fate = 'never_lands' end
local taken_at, lands_at = string.format('%d', now), string.format('%d', now + delay)
redis.call('HSET', transaction, 'taken_at', taken_at, 'lands_at', lands_at, 'fate', fate,
  'amount_in', ARGV[6], 'amount_out', ARGV[7])
redis.call('PEXPIRE', transaction, delay + retention)
redis.call('XADD', ledger, 'MINID', '~', string.format('%d', now - retention), '*',
  'lands_at', lands_at, 'fate', fate, 'amount_in', ARGV[6], 'amount_out', ARGV[7],
  'order_id', ARGV[8], 'signature', ARGV[9], 'venue', ARGV[10],
  'token_in', ARGV[11], 'token_out', ARGV[12])
redis.call('PEXPIRE', ledger, delay + retention)
return nil
