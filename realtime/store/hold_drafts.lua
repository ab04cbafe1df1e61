--[[ hold_drafts: for a moment no draft of an activity is saved, because those that are there are being handed in.

The moment ends with the next publication of the activity, or by itself where whoever held them died.

KEYS  1 shard epoch HASH  2 meta HASH  3 activity HASH  4 drafts HASH
ARGV  1 epoch  2 round  3 for how many ms
Returns  how many drafts the round has; 0 where another round is on, or none
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'loading')
if meta[1] ~= ARGV[1] or meta[2] then return redis.error_reply('COLD') end
if call('HGET', KEYS[3], 'round') ~= ARGV[2] then return 0 end
local time = call('TIME')
call('HSET', KEYS[3], 'held_until_ms', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3])
return call('HLEN', KEYS[4])
