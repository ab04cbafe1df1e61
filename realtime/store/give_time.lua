--[[ give_time: let one participant answer longer than the others.

KEYS  1 shard epoch HASH  2 meta HASH  3 extra HASH  4 personal ZSET
ARGV  1 epoch  2 session id  3 participant id  4 percent of the time to answer (0: none)  5 poke channel
Returns  offset
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local offset = tonumber(meta[2]) + 1
if ARGV[4] == '0' then call('HDEL', KEYS[3], ARGV[3]) else call('HSET', KEYS[3], ARGV[3], ARGV[4]) end
call('ZADD', KEYS[4], offset, ARGV[3])
call('HSET', KEYS[2], 'offset', offset)
call('SPUBLISH', ARGV[5], ARGV[2])
return offset
