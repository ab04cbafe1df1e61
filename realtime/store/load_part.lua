--[[ load_part: write a part of a session that is being loaded.

KEYS  1 shard epoch HASH  2 meta HASH  3 the hash to write
ARGV  1 epoch  2 token of this loader  then pairs of field and value
Returns  1
Errors   EPOCH · LOST another loader took over
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
if call('HGET', KEYS[2], 'loading') ~= ARGV[2] then return redis.error_reply('LOST') end
local time = call('TIME')
call('HSET', KEYS[2], 'loading_at', time[1] * 1000 + math.floor(time[2] / 1000))
for i = 3, #ARGV, 1000 do call('HSET', KEYS[3], unpack(ARGV, i, math.min(#ARGV, i + 999))) end
return 1
