--[[ save_draft: keep what somebody has written so far, without counting it.

A draft is refused where an answer would be. It remembers which revision of the answer it changes, so that
the clock never puts an old draft over a newer answer. Beside it stands a copy that is still to be stored.

KEYS  1 shard epoch HASH  2 meta HASH  3 activity HASH  4 stamps ZSET  5 parts SET  6 people HASH
      7 answers HASH  8 drafts HASH  9 extra HASH  10 personal ZSET  11 unsaved drafts of the shard HASH
ARGV  1 epoch  2 session id  3 activity id  4 round  5 poke channel  6 participant
      7 expected revision of the draft (-1: any; 0: none yet)  8 submit at the deadline (0/1)
      9 data (JSON; empty: throw the draft away)  10 most drafts of a round
      11 most drafts of the shard that may wait to be stored
Returns  {1, offset, revision, server time ms}, or {code below 0, 0, present revision, server time ms}
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local activity = call('HMGET', KEYS[3], 'state', 'round', 'until_ms', 'limit_ms', 'held_until_ms')
local participant, round = ARGV[6], ARGV[4]
local old = call('HGET', KEYS[8], participant)
local revision = old and tonumber(string.match(old, '^(%d+)|')) or 0
local function refuse(code) return { code, 0, revision, now } end

if call('HEXISTS', KEYS[6], participant) == 0 then return refuse(-2) end
if not activity[1] then return refuse(-3) end
if activity[2] ~= round then return refuse(-5) end
if activity[1] == 'draft' or activity[1] == 'published' then return refuse(-3) end
if activity[1] == 'closed' or activity[1] == 'cancelled' then return refuse(-4) end
if now < tonumber(activity[5] or 0) then return refuse(-4) end   -- it is being closed
local until_ms = tonumber(activity[3] or 0)
if activity[1] == 'active' and until_ms > 0 then
  local extra = tonumber(call('HGET', KEYS[9], participant) or 0) / 100 * tonumber(activity[4] or 0)
  if now > until_ms + extra then return refuse(-4) end
end
local expected = tonumber(ARGV[7])
if expected >= 0 and expected ~= revision then return refuse(-9) end
if ARGV[9] ~= '' and not old and call('HLEN', KEYS[8]) >= tonumber(ARGV[10]) then return refuse(-14) end
local unsaved = ARGV[2] .. '|' .. ARGV[3] .. '|' .. round .. '|' .. participant
if call('HLEN', KEYS[11]) >= tonumber(ARGV[11]) and call('HEXISTS', KEYS[11], unsaved) == 0 then return refuse(-20) end

local offset = tonumber(meta[2]) + 1
if ARGV[9] == '' then
  call('HSET', KEYS[11], unsaved, '0|0|0|' .. now .. '\n')
  call('HDEL', KEYS[8], participant)
else
  local answer = call('HGET', KEYS[7], participant)
  local base = answer and string.match(answer, '^(%d+)|') or '0'
  local value = (revision + 1) .. '|' .. base .. '|' .. ARGV[8] .. '|' .. now .. '\n' .. ARGV[9]
  call('HSET', KEYS[8], participant, value)
  call('HSET', KEYS[11], unsaved, value)
end
if (ARGV[9] == '') == (old and true or false) then
  call('ZADD', KEYS[4], offset, 'drafts:' .. ARGV[3] .. ':' .. round)   -- their number changed
end
call('SADD', KEYS[5], 'drafts:' .. ARGV[3] .. ':' .. round)
call('ZADD', KEYS[10], offset, participant)
call('HSET', KEYS[2], 'offset', offset)
call('SPUBLISH', ARGV[5], ARGV[2])
return { 1, offset, ARGV[9] == '' and 0 or revision + 1, now }
