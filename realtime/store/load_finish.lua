--[[ load_finish: make a loaded session live.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 parts SET  5 values HASH  6 people HASH
ARGV  1 epoch  2 token of this loader  3 offset to start from  4 number of stamps, then the raw keys to stamp
      5 number of parts, then suffixes to note, then pairs of meta fields
Returns  1
Errors   EPOCH · LOST
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
if call('HGET', KEYS[2], 'loading') ~= ARGV[2] then return redis.error_reply('LOST') end
local offset = ARGV[3]
local at, count = 5, tonumber(ARGV[4])
for i = 1, count do call('ZADD', KEYS[3], offset, ARGV[at + i - 1]) end
at = at + count
count = tonumber(ARGV[at])
for i = 1, count do call('SADD', KEYS[4], ARGV[at + i]) end
at = at + count + 1
for i = at, #ARGV, 2 do call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
call('HSET', KEYS[5], 'saved', offset, 'people', '{"joined":' .. call('HLEN', KEYS[6]) .. ',"online":0}')
call('ZADD', KEYS[3], offset, 'saved', offset, 'people')
call('HSET', KEYS[2], 'offset', offset, 'accepted_to', offset, 'flushed_to', offset, 'hidden_at', offset)
call('HDEL', KEYS[2], 'loading', 'loading_at')
return 1
