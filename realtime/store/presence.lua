--[[ presence: note who is connected, forget who lapsed, publish the head count if it changed.

A hub calls it for arrivals and departures and, well within the lifetime, for everybody still here; a
hub that died stops calling and its people lapse.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 people HASH  6 online ZSET
ARGV  1 epoch  2 session id  3 poke channel  4 lifetime ms  5 number of those present
      then the ids of those present, then the ids of those who left
Returns  online
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local present = tonumber(ARGV[5])
local add, size = {}, 0
for first = 6, 5 + present, 1000 do
  local last = math.min(5 + present, first + 999)
  local names = call('HMGET', KEYS[5], unpack(ARGV, first, last))
  for i = first, last do
    -- Somebody just removed may still be connected for a moment, and is not counted.
    if names[i - first + 1] then
      add[size + 1], add[size + 2] = now + tonumber(ARGV[4]), ARGV[i]
      size = size + 2
    end
  end
  if size > 0 then call('ZADD', KEYS[6], unpack(add)) end
  add, size = {}, 0
end
for i = 6 + present, #ARGV do call('ZREM', KEYS[6], ARGV[i]) end
call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now)
local online = call('ZCARD', KEYS[6])
local text = '{"joined":' .. call('HLEN', KEYS[5]) .. ',"online":' .. online .. '}'
if call('HGET', KEYS[4], 'people') ~= text then
  local offset = tonumber(meta[2]) + 1
  call('HSET', KEYS[4], 'people', text)
  call('ZADD', KEYS[3], offset, 'people')
  call('HSET', KEYS[2], 'offset', offset)
  call('SPUBLISH', ARGV[3], ARGV[2])
end
return online
