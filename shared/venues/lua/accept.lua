-- Take a transaction onto the simulated chain, once per signature.
--
-- KEYS: transaction, ledger
-- ARGV: delay (ms), retention (ms), fate, amount in, amount out, order id, signature, venue,
--       token in, token out
-- Replies: nil when it is new, else what is known: {lands in (ms), fate, amount in, amount out}
local transaction, ledger = KEYS[1], KEYS[2]
local delay, retention = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', transaction, 'lands_at', 'fate', 'amount_in', 'amount_out')
if known[1] then
  known[1] = known[1] - now
  return known
end
local lands_at = string.format('%d', now + delay)
redis.call('HSET', transaction, 'lands_at', lands_at, 'fate', ARGV[3], 'amount_in', ARGV[4],
  'amount_out', ARGV[5])
redis.call('PEXPIRE', transaction, delay + retention)
redis.call('XADD', ledger, 'MINID', '~', string.format('%d', now - retention), '*',
  'lands_at', lands_at, 'fate', ARGV[3], 'amount_in', ARGV[4], 'amount_out', ARGV[5],
  'order_id', ARGV[6], 'signature', ARGV[7], 'venue', ARGV[8],
  'token_in', ARGV[9], 'token_out', ARGV[10])
redis.call('PEXPIRE', ledger, delay + retention)
return nil
