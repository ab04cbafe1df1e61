--[[ load_begin: claim the right to load a session that is not live in this epoch, and clear what is left of it.

KEYS  1 shard epoch HASH  2 meta HASH  3 parts SET  4… the session's other fixed keys
ARGV  1 epoch  2 token of this loader  3 ms after which another loader's claim has lapsed  4 base of the session's keys
Returns  1 claimed · 2 already live · 3 another loader is at it
Errors   EPOCH
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'loading', 'loading_at')
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if meta[1] == ARGV[1] then
  if not meta[2] then return 2 end
  if meta[2] ~= ARGV[2] and now - tonumber(meta[3]) < tonumber(ARGV[3]) then return 3 end
end
for _, part in ipairs(call('SMEMBERS', KEYS[3])) do call('UNLINK', ARGV[4] .. part) end
for i = 2, #KEYS do call('UNLINK', KEYS[i]) end
call('HSET', KEYS[2], 'epoch', ARGV[1], 'offset', 0, 'loading', ARGV[2], 'loading_at', now)
return 1
