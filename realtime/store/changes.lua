--[[ changes: the raw keys of a session stamped after an offset, with their present values.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 personal ZSET
ARGV  1 epoch  2 since  3 personal since (-1: do not ask)  4 base of the session's keys
      5 most keys to return
Returns  {offset, hidden_at, {key, stamp, value …}, {participant, stamp …}}; value is JSON text, for
         `tally:…` a flat {counter, sum …}, for `drafts:…` their number, for something gone an empty string
Errors   EPOCH · COLD · WIDE more keys changed than may be returned
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'hidden_at', 'loading')
if meta[1] ~= ARGV[1] or meta[4] then return redis.error_reply('COLD') end
local most = tonumber(ARGV[5])
local changed = call('ZRANGE', KEYS[3], '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, most + 1, 'WITHSCORES')
if #changed > most * 2 then return redis.error_reply('WIDE') end
local result, at = {}, 0
for i = 1, #changed, 2 do
  local key, value = changed[i], nil
  if string.sub(key, 1, 6) == 'tally:' then
    value = call('HGETALL', ARGV[4] .. key)
  elseif string.sub(key, 1, 7) == 'drafts:' then
    value = call('HLEN', ARGV[4] .. key)
  elseif string.sub(key, 1, 5) == 'item:' then
    local part, response = string.match(key, '^item:(.*:%d+):([^:]*)$')
    value = call('HGET', ARGV[4] .. 'items:' .. part, response) or ''
  else
    value = call('HGET', KEYS[4], key) or ''
  end
  result[at + 1], result[at + 2], result[at + 3] = key, changed[i + 1], value
  at = at + 3
end
local own = {}
if tonumber(ARGV[3]) >= 0 then
  own = call('ZRANGE', KEYS[5], '(' .. ARGV[3], '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
end
return { tonumber(meta[2]), tonumber(meta[3] or 0), result, own }
