--[[ remove: take away a participant's right to answer, for good.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 people HASH  6 removed HASH
      7 online ZSET  8 personal ZSET
ARGV  1 epoch  2 session id  3 participant id  4 poke channel
Returns  offset
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local offset = tonumber(meta[2]) + 1
call('HDEL', KEYS[5], ARGV[3])
call('HSET', KEYS[6], ARGV[3], 1)
call('ZREM', KEYS[7], ARGV[3])
call('ZADD', KEYS[8], offset, ARGV[3])
call('HSET', KEYS[4], 'people', '{"joined":' .. call('HLEN', KEYS[5]) .. ',"online":' .. call('ZCARD', KEYS[7]) .. '}')
call('ZADD', KEYS[3], offset, 'people')
call('HSET', KEYS[2], 'offset', offset)
call('SPUBLISH', ARGV[4], ARGV[2])
return offset
