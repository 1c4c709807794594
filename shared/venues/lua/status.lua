-- Say what a node of the simulated chain knows of some transactions.
--
-- KEYS: ledger, transactions
-- ARGV: how far the node is behind (ms)
-- Replies: {the time as the node sees it (ms),
--           for each transaction nil or {lands in (ms), fate, 'amount_in amount_out'}}
local time = redis.call('TIME')
local seen = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local answers = {}
for i = 2, #KEYS do
  local known = redis.call('GET', KEYS[i])
  local answer = false
  if known then
    local taken_at, lands_at, fate, amounts = string.match(known, '^(%d+) (%d+) (%S+) (.+)$')
    if tonumber(taken_at) <= seen then
      answer = {lands_at - seen, fate, amounts}
    end
  end
  answers[i - 1] = answer
end
return {seen, answers}
