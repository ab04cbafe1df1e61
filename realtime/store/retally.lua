--[[ retally: publish an activity with a corrected answer key and swap the counters that follow from it, in one step.

The caller has read the answers and computed what each adds under the new key. That only holds while
nothing was counted since, which the stamps of the rounds' tallies tell. Where something was, nothing is
done; with `hold` no hub's rules fit any more until the next call, so that one will succeed.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 versions HASH  6 activity HASH
      then per round: answers HASH, tally HASH, items HASH
ARGV  1 epoch  2 session id  3 activity id  4 version  5 JSON object of the document  6 settings version
      7 poke channel  8 hold (0/1)
      then per round: round, stamp of its tally when it was read, number of answers, number of counters,
        then per answer: field, new counters (JSON), item (JSON, empty: none, `=`: as it is)
        then per counter: name, amount to add
Returns  1 done · 0 something was counted meanwhile · -1 a newer version is live
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local id, key = ARGV[3], 'activity:' .. ARGV[3]
if tonumber(call('HGET', KEYS[5], key) or -1) > tonumber(ARGV[4]) then return -1 end

local at, k, rounds = 9, 7, {}
while at <= #ARGV do
  local one = { round = ARGV[at], answers = KEYS[k], tally = KEYS[k + 1], items = KEYS[k + 2],
    changed = tonumber(ARGV[at + 2]), moved = tonumber(ARGV[at + 3]), from = at + 4 }
  if (call('ZSCORE', KEYS[3], 'tally:' .. id .. ':' .. one.round) or '0') ~= ARGV[at + 1] then
    if ARGV[8] == '1' then call('HSET', KEYS[6], 'version', 'held') end
    return 0
  end
  rounds[#rounds + 1] = one
  at = one.from + 3 * one.changed + 2 * one.moved
  k = k + 3
end

local offset = tonumber(meta[2]) + 1
for _, one in ipairs(rounds) do
  at = one.from
  for _ = 1, one.changed do
    local field, counters, item = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
    local value = call('HGET', one.answers, field)
    local head, response, rest, flag, payload = string.match(value, '^(%d+|[^|]*|([^|]*)|(%d+)|)(%a+)\n[^\n]*\n(.*)$')
    if item == '' and flag == 'li' then
      flag = 'l'
      call('HDEL', one.items, response)
      call('ZADD', KEYS[3], offset, 'item:' .. id .. ':' .. one.round .. ':' .. response)
    elseif item ~= '' and item ~= '=' then
      flag = 'li'
      call('HSET', one.items, response, item)
      call('ZADD', KEYS[3], offset, 'item:' .. id .. ':' .. one.round .. ':' .. response)
    end
    call('HSET', one.answers, field, head .. flag .. '\n' .. counters .. '\n' .. payload)
  end
  for _ = 1, one.moved do
    if call('HINCRBY', one.tally, ARGV[at], ARGV[at + 1]) == 0 then call('HDEL', one.tally, ARGV[at]) end
    at = at + 2
  end
  if one.changed > 0 then call('ZADD', KEYS[3], offset, 'tally:' .. id .. ':' .. one.round) end
end
call('HSET', KEYS[5], key, ARGV[4])
local closed = call('HGET', KEYS[6], 'closed_offset') or '0'
call('HSET', KEYS[4], key, string.sub(ARGV[5], 1, -2) .. ',"closed_offset":' .. closed .. '}')
call('HSET', KEYS[6], 'version', ARGV[6])
call('ZADD', KEYS[3], offset, key)
call('HSET', KEYS[2], 'offset', offset)
call('SPUBLISH', ARGV[7], ARGV[2])
return 1
