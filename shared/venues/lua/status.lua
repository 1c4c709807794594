-- Say what the simulated chain knows of some transactions.
--
-- KEYS: transactions
-- Replies: for each, nil or {lands in (ms), fate, amount in, amount out}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answers = {}
for i, transaction in ipairs(KEYS) do
  local known = redis.call('HMGET', transaction, 'lands_at', 'fate', 'amount_in', 'amount_out')
  if known[1] then
    known[1] = known[1] - now
    answers[i] = known
  else
    answers[i] = false
  end
end
return answers
