--[[ drop: forget all live state of a session that was deleted.

Who reads it next finds it cold, asks PostgreSQL and learns that there is no such session.

KEYS  1 shard epoch HASH  2 parts SET  3… the session's other fixed keys
ARGV  1 epoch  2 session id  3 base of the session's keys  4 poke channel
Returns  1
Errors   EPOCH
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
for _, part in ipairs(call('SMEMBERS', KEYS[2])) do call('UNLINK', ARGV[3] .. part) end
for i = 2, #KEYS do call('UNLINK', KEYS[i]) end
call('SPUBLISH', ARGV[4], ARGV[2])
return 1
