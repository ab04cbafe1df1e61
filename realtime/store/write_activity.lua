--[[ write_activity: publish an activity's document and the rules that `accept` checks, in one step.

Closing is a fence: the offset given here is the point after which nothing new is counted; it is kept
as `closed_offset` and written into the document. Where nothing waits to be flushed the saved
watermark moves along, so that a result can become final without another answer.

Of a deleted activity nothing stays but that it is gone: its answers and items must not take the room of others.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 versions HASH
      6 activity HASH  7 parts SET
ARGV  1 epoch  2 session id  3 activity id  4 version  5 JSON object of the document (empty: deleted)
      6 1 when this may hide something  7 poke channel  8 state  9 round  10 settings version
      11 changes allowed (0/1)  12 until when answers are taken, server ms (0: no end)
      13 from when, server ms  14 ms to answer, of which extra time is a percentage
      15 base of the session's keys
Returns  {1 written or 0 older, offset, closed offset or 0}
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading', 'accepted_to', 'flushed_to')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local key, id, round = 'activity:' .. ARGV[3], ARGV[3], ARGV[9]
local offset = tonumber(meta[2])
local before = call('HMGET', KEYS[6], 'state', 'closed_offset')
if tonumber(call('HGET', KEYS[5], key) or -1) >= tonumber(ARGV[4]) then
  return { 0, offset, tonumber(before[2] or 0) }
end
offset = offset + 1
local closed = 0
if ARGV[8] == 'closed' or ARGV[8] == 'cancelled' then
  closed = (before[1] == ARGV[8] and tonumber(before[2] or 0)) or offset
  if closed == 0 then closed = offset end
end
call('HSET', KEYS[5], key, ARGV[4])
if ARGV[5] == '' then
  call('HDEL', KEYS[4], key)
  call('DEL', KEYS[6])
  local of_it = ':' .. id
  for _, part in ipairs(call('SMEMBERS', KEYS[7])) do
    if string.find(part, of_it, 1, true) then
      call('UNLINK', ARGV[15] .. part)
      call('SREM', KEYS[7], part)
    end
  end
  for _, stamped in ipairs(call('ZRANGE', KEYS[3], 0, -1)) do
    if string.find(stamped, of_it, 1, true) then
      call('ZREM', KEYS[3], stamped)
      call('HDEL', KEYS[4], stamped)
    end
  end
else
  call('HSET', KEYS[4], key, string.sub(ARGV[5], 1, -2) .. ',"closed_offset":' .. closed .. '}')
  call('HSET', KEYS[6], 'state', ARGV[8], 'round', round, 'version', ARGV[10], 'changes', ARGV[11],
    'until_ms', ARGV[12], 'from_ms', ARGV[13], 'limit_ms', ARGV[14], 'closed_offset', closed)
  local part = ':' .. id .. ':' .. round
  call('SADD', KEYS[7], 'activity:' .. id, 'answers' .. part, 'entries' .. part, 'limits' .. part, 'tally' .. part,
    'items' .. part, 'drafts' .. part)
  call('HDEL', KEYS[6], 'held_until_ms')
end
call('ZADD', KEYS[3], offset, key)
local saved = tonumber(meta[5] or 0)
if saved >= tonumber(meta[4] or 0) then
  call('HSET', KEYS[4], 'saved', offset)
  call('ZADD', KEYS[3], offset, 'saved')
end
call('HSET', KEYS[2], 'offset', offset)
if ARGV[6] == '1' then call('HSET', KEYS[2], 'hidden_at', offset) end
call('SPUBLISH', ARGV[7], ARGV[2])
return { 1, offset, closed }
