--[[ revoke: make a presenter's ticket worthless, and have every process close its connections.

KEYS  1 shard epoch HASH  2 meta HASH  3 tickets HASH  4 personal ZSET
ARGV  1 epoch  2 session id  3 sha256 of the ticket  4 poke channel
Returns  offset
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local offset = tonumber(meta[2]) + 1
call('HDEL', KEYS[3], ARGV[3])
call('ZADD', KEYS[4], offset, 'ticket:' .. ARGV[3])
call('HSET', KEYS[2], 'offset', offset)
call('SPUBLISH', ARGV[4], ARGV[2])
return offset
