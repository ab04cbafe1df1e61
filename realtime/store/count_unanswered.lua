--[[ count_unanswered: how many of those who are here have no standing answer in a round.

KEYS  1 shard epoch HASH  2 meta HASH  3 online ZSET  4 answers HASH  5 limits HASH
ARGV  1 epoch  2 how many of them to name
Returns  {online, how many of them have not answered, ids of the first of those}
Errors   EPOCH · COLD
]]
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'loading')
if meta[1] ~= ARGV[1] or meta[2] then return redis.error_reply('COLD') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local online = call('ZRANGE', KEYS[3], '(' .. now, '+inf', 'BYSCORE')
local missing, ids, most = 0, {}, tonumber(ARGV[2])
for first = 1, #online, 1000 do
  local last = math.min(#online, first + 999)
  local answers = call('HMGET', KEYS[4], unpack(online, first, last))
  local entries = call('HMGET', KEYS[5], unpack(online, first, last))
  for i = 1, last - first + 1 do
    local answer = answers[i]
    local stands = answer and string.match(answer, '^[^\n]*|(%a+)\n') ~= 'w'
    if not stands and tonumber(entries[i] or 0) < 1 then
      missing = missing + 1
      if missing <= most then ids[missing] = online[first + i - 1] end
    end
  end
end
return { #online, missing, ids }
