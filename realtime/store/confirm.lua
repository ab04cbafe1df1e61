--[[ confirm: after COMMIT returned, forget flushed outbox entries and move the sessions' watermarks.

Entries go by id and only in the epoch they were read in, never "up to an offset".

KEYS  1 shard epoch HASH  2 outbox STREAM  then per session: meta HASH, stamps ZSET, values HASH
ARGV  1 epoch  2 poke channel  3 number of rows flushed  4 number of entry ids, then the ids
      then per session: session id, highest offset flushed (0: only joins)
Returns  1
Errors   EPOCH
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local ids = tonumber(ARGV[4])
local gone = 0
for i = 1, ids, 1000 do
  gone = gone + call('XDEL', KEYS[2], unpack(ARGV, 4 + i, 4 + math.min(ids, i + 999)))
end
if gone > 0 and call('HINCRBY', KEYS[1], 'pending', -tonumber(ARGV[3])) < 0 then call('HSET', KEYS[1], 'pending', 0) end
local at = 5 + ids
for k = 3, #KEYS, 3 do
  local session, upto = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  local meta = call('HMGET', KEYS[k], 'epoch', 'offset', 'accepted_to', 'flushed_to')
  if meta[1] == ARGV[1] and upto > tonumber(meta[4] or 0) then
    local offset = tonumber(meta[2])
    local saved = upto
    if upto >= tonumber(meta[3] or 0) then saved = offset end
    call('HSET', KEYS[k], 'flushed_to', upto, 'offset', offset + 1)
    call('HSET', KEYS[k + 2], 'saved', saved)
    call('ZADD', KEYS[k + 1], offset + 1, 'saved')
    call('SPUBLISH', ARGV[2], session)
  end
end
return 1
