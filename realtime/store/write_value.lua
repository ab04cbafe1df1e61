--[[ write_value: set one raw key to a document, unless a newer version is there already.

Writing is publishing: the key is stamped with the next offset and the session is poked.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 versions HASH
ARGV  1 epoch  2 session id  3 raw key  4 version  5 JSON object (or empty: the key is gone)
      6 1 when this may hide something from somebody  7 poke channel
      then pairs of meta fields to set along (cap, locked, state)
Returns  {1 written or 0 older, offset}
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading', 'accepted_to', 'flushed_to')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local offset = tonumber(meta[2])
if tonumber(call('HGET', KEYS[5], ARGV[3]) or -1) >= tonumber(ARGV[4]) then return { 0, offset } end
offset = offset + 1
call('HSET', KEYS[5], ARGV[3], ARGV[4])
if ARGV[5] == '' then call('HDEL', KEYS[4], ARGV[3]) else call('HSET', KEYS[4], ARGV[3], ARGV[5]) end
call('ZADD', KEYS[3], offset, ARGV[3])
call('HSET', KEYS[2], 'offset', offset)
if ARGV[6] == '1' then call('HSET', KEYS[2], 'hidden_at', offset) end
for i = 8, #ARGV, 2 do call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
call('SPUBLISH', ARGV[7], ARGV[2])
return { 1, offset }
