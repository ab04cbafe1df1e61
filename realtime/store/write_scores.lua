--[[ write_scores: keep what each participant may know of his own points.

Nothing is stamped: the leaderboard is published after this, and its change tells everybody to look.

KEYS  1 shard epoch HASH  2 meta HASH  3 parts SET  4 scores HASH
ARGV  1 epoch  2 1 to forget what was there  then pairs of participant and JSON
Returns  1
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'loading')
if meta[1] ~= ARGV[1] or meta[2] then return redis.error_reply('COLD') end
if ARGV[2] == '1' then call('DEL', KEYS[4]) end
call('SADD', KEYS[3], 'scores')
for i = 3, #ARGV, 2 do call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
return 1
