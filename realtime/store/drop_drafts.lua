--[[ drop_drafts: forget which drafts are still to be stored, where they are as they were when they were read.

KEYS  1 drafts of the shard that are not stored yet HASH
ARGV  per draft: field, first line of its value
Returns  how many were forgotten
]]
local call, dropped = redis.call, 0
for i = 1, #ARGV, 2 do
  local value = call('HGET', KEYS[1], ARGV[i])
  if value and string.match(value, '^[^\n]*') == ARGV[i + 1] then dropped = dropped + call('HDEL', KEYS[1], ARGV[i]) end
end
return dropped
