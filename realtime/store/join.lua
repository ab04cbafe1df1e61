--[[ join: admit the participants who arrived together.

A participant id seen before is the same join again and gets the same answer. A taken nickname gets
the lowest free number behind it.

KEYS  1 shard epoch HASH  2 meta HASH  3 stamps ZSET  4 values HASH  5 people HASH
      6 names HASH  7 removed HASH  8 outbox STREAM
ARGV  1 epoch  2 session id  3 poke channel  4 most joins and answers that may wait in the outbox
      then 5 per join: participant id, nickname, folded nickname, anonymous (0/1),
      door: what was shown to get in, as its name in meta, or 1: holds a ticket already (an ended, locked or
      full session does not keep him out)
Returns  {then per join: code, nickname}; 1 admitted, 2 was here, below 0 see store/codes.py
Errors   EPOCH · COLD
]]
local call = redis.call
local shard = call('HMGET', KEYS[1], 'epoch', 'pending')
if shard[1] ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', KEYS[2], 'epoch', 'offset', 'loading', 'cap', 'locked', 'state', 'door')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local here = call('HLEN', KEYS[5])
local room = tonumber(ARGV[4]) - tonumber(shard[2] or 0)
local lines, reply, at = {}, {}, 0
for b = 5, #ARGV, 5 do
  local participant, nickname, folded, anonymous, door = ARGV[b], ARGV[b + 1], ARGV[b + 2], ARGV[b + 3], ARGV[b + 4]
  local holder = door == '1'
  local code
  local known = call('HGET', KEYS[5], participant)
  if known then code, nickname = 2, known
  elseif call('HEXISTS', KEYS[7], participant) == 1 then code = -2
  elseif meta[6] == 'completed' and not holder then code = -32
  elseif meta[5] == '1' and not holder then code = -31
  elseif door ~= (meta[7] or '0') and not holder then code = -34
  elseif here >= tonumber(meta[4] or 0) and not holder then code = -30
  elseif room < 1 then code = -20
  else
    local name, key, number = nickname, folded, 1
    while key ~= '' and call('HSETNX', KEYS[6], key, participant) == 0 do
      -- Names are never given back, so everything up to the last number given is still taken.
      if number == 1 then number = tonumber(call('HGET', KEYS[6], '\31' .. folded) or 1) end
      number = number + 1
      if number > 9999 then break end
      name, key = nickname .. ' ' .. number, folded .. ' ' .. number
    end
    if number > 1 then call('HSET', KEYS[6], '\31' .. folded, number) end
    if number > 9999 then code = -33
    else
      code, nickname = 1, name
      call('HSET', KEYS[5], participant, name)
      here = here + 1
      room = room - 1
      lines[#lines + 1] = participant .. '|' .. anonymous .. '\n' .. name
    end
  end
  reply[at + 1], reply[at + 2] = code, nickname
  at = at + 2
end
if #lines > 0 then
  local offset = tonumber(meta[2]) + 1
  local online = tonumber(string.match(call('HGET', KEYS[4], 'people') or '', '"online":(%d+)') or 0)
  call('HSET', KEYS[4], 'people', '{"joined":' .. here .. ',"online":' .. online .. '}')
  call('ZADD', KEYS[3], offset, 'people')
  call('HSET', KEYS[2], 'offset', offset)
  call('HINCRBY', KEYS[1], 'pending', #lines)
  call('XADD', KEYS[8], '*', 'k', 'j', 's', ARGV[2], 'e', ARGV[1], 't', now, 'd', table.concat(lines, '\n'))
  call('SPUBLISH', ARGV[3], ARGV[2])
end
return reply
