-- Add to sums that fade, note how one replica finds things, and tell what there is.
--
-- A sum halves each half-life. So that nothing need be written to fade, an addition weighs twice as
-- much for each half-life since the sums began, and whoever reads divides by the present weight.
--
-- KEYS: sums (hash, with the time of their beginning under ''), notes (hash, '<time> <text>' each)
-- ARGV: half-life (ms), how long a note counts (ms), how many fields are added to,
--       field and addition of each, then field and text of each note
-- Replies: the present weight, all sums (field, value ...), all notes that count (field, text ...)
local half_life, kept, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local began = tonumber(redis.call('HGET', KEYS[1], '') or now)

local function weight() return 2 ^ ((now - began) / half_life) end
local function written(number) return string.format('%.17g', number) end

local function begin_anew(weighs)
  local sums = redis.call('HGETALL', KEYS[1])
  redis.call('DEL', KEYS[1])
  for i = 1, #sums, 2 do
    local value = tonumber(sums[i + 1]) / weighs
    if sums[i] ~= '' and math.abs(value) > 0.001 then
      redis.call('HSET', KEYS[1], sums[i], written(value))
    end
  end
  began = now
end

if #ARGV > 3 then
  must_be_allowed('HSET', 'HSET', KEYS[1])
  must_be_allowed('notes', 'HSET', KEYS[2])
end
-- A number has room for a thousand halvings. A clock that went back makes the past weigh more.
if weight() > 2 ^ 200 or now < began then begin_anew(weight()) end
for i = 4, 2 + 2 * count, 2 do
  local sum = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0)
  redis.call('HSET', KEYS[1], ARGV[i], written(sum + ARGV[i + 1] * weight()))
end
if count > 0 then
  redis.call('HSET', KEYS[1], '', string.format('%d', began))
  redis.call('PEXPIRE', KEYS[1], 20 * half_life)
end
for i = 4 + 2 * count, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], string.format('%d ', now) .. ARGV[i + 1])
  redis.call('PEXPIRE', KEYS[2], kept)
end
local notes, counting = redis.call('HGETALL', KEYS[2]), {}
for i = 1, #notes, 2 do
  local at, text = string.match(notes[i + 1], '^(%d+) (.*)$')
  if now - at <= kept then
    table.insert(counting, notes[i])
    table.insert(counting, text)
  elseif #ARGV > 3 then
    redis.call('HDEL', KEYS[2], notes[i])
  end
end
return {written(weight()), redis.call('HGETALL', KEYS[1]), counting}
