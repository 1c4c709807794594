-- Say what a node of the simulated chain knows of some transactions.
--
-- KEYS: ledger, transactions
-- ARGV: how far the node is behind (ms)
-- Replies: {the time as the node sees it (ms),
--           for each transaction nil or {lands in (ms), fate, amount in, amount out}}
local time = redis.call('TIME')
local seen = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local answers = {}
for i = 2, #KEYS do
  local known = redis.call('HMGET', KEYS[i], 'lands_at', 'fate', 'amount_in', 'amount_out',
    'taken_at')
  local answer = false
  if known[1] and tonumber(known[5]) <= seen then
    answer = {known[1] - seen, known[2], known[3], known[4]}
  end
  answers[i - 1] = answer
end
return {seen, answers}
