--[[ idempotency: remember the answers of creations, so that a repeated request is not done again.

A bounded table: what has lapsed goes first, and when it is full the oldest answer is forgotten; a claim only where
there are no answers.

KEYS  1 records HASH  2 index ZSET (digest -> time ms at which it lapses)
ARGV  1 claim | finish | release  2 digest  3 fingerprint
      claim: 4 ms a claim lasts  5 most records · finish: 4 ms the answer is kept  5 sealed answer
Returns  claim: the record of an earlier claim (fingerprint, newline, sealed answer or nothing), else ''
]]
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local digest, head = ARGV[2], ARGV[3] .. '\n'
if ARGV[1] == 'claim' then
  local lapsed = call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 200)
  if #lapsed > 0 then
    call('HDEL', KEYS[1], unpack(lapsed))
    call('ZREM', KEYS[2], unpack(lapsed))
  end
  local until_ms = call('ZSCORE', KEYS[2], digest)
  if until_ms and tonumber(until_ms) > now then return call('HGET', KEYS[1], digest) end
  if call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
    -- A claim lapses soon and so has a low score, but while its request is under way it must stand.
    local oldest = call('ZRANGEBYSCORE', KEYS[2], '(' .. (now + ARGV[4]), '+inf', 'LIMIT', 0, 1)[1] or call('ZRANGE', KEYS[2], 0, 0)[1]
    call('HDEL', KEYS[1], oldest)
    call('ZREM', KEYS[2], oldest)
  end
  call('HSET', KEYS[1], digest, head)
  call('ZADD', KEYS[2], now + ARGV[4], digest)
  return ''
end
-- A claim that lapsed and was taken by another body is not ours to end.
if call('HGET', KEYS[1], digest) ~= head then return '' end
if ARGV[1] == 'finish' then
  call('HSET', KEYS[1], digest, head .. ARGV[5])
  call('ZADD', KEYS[2], now + ARGV[4], digest)
else
  call('HDEL', KEYS[1], digest)
  call('ZREM', KEYS[2], digest)
end
return ''
