--[[ accept: judge, record, count and order the answers to one activity that arrived together.

Everything that makes `accepted` true happens here, atomically: the epoch, the state and the right to
answer are checked; a submission id seen before is recognised; counters move; offsets are given; keys
are stamped; the outbox gets one entry for the whole batch.

KEYS  1 shard epoch   HASH      6 people     HASH     11 tally    HASH
      2 meta          HASH      7 seen       HASH     12 items    HASH
      3 activity      HASH      8 answers    HASH     13 personal ZSET
      4 stamps        ZSET      9 entries    HASH     14 outbox   STREAM
      5 parts         SET      10 limits     HASH     15 drafts   HASH     16 extra HASH
                                                      17 removed  HASH
ARGV  1 epoch  2 session id  3 activity id  4 round  5 settings version the answers were checked with
      6 most answers that may wait in the shard's outbox  7 poke channel
      8 raw keys of the session above which no new item is taken, so that it can still be read in one piece
      9 counters of a round above which no answer may bring a new one
      10 how many different bodies there are: of a hall's hundred answers many say the same
      then 5 per body:
        entry, entries allowed of this kind (0: any), counters (JSON, empty: withdraw), payload (JSON; of
        a withdrawal only used where nothing stands) up to what each has of its own, item (JSON, empty: none)
      then 5 per answer:
        participant, submission id, response id to use if new, the rest of the payload, and what: the
        number of its body, or number|revision (0: next)|expected revision (-1: any)|standing, where they
        are not 0, -1 and 0 (standing: 1 a receipt admits it, 2 the hub refuses it unless it was accepted
        before, 3 a draft: deadline and pause do not count)
Returns  {server time ms, the session's offset before, others, then per answer: revision, response id}
         Accepted answers have the offsets that follow, in their order; an empty response id is the one that was sent.
         Where the revision is 0 it is one of the others, which are told in the same order, five values each:
         code, offset, revision, response id, when it was accepted in ms (0: unknown)
         code 2: accepted before; below 0 see store/codes.py
Errors   EPOCH the shard lives in another epoch · COLD the session is not loaded · STALE settings changed
]]
local EPOCH, META, ACTIVITY, STAMPS, PARTS, PEOPLE, SEEN, ANSWERS, ENTRIES, LIMITS, TALLY, ITEMS, PERSONAL, OUTBOX,
  DRAFTS, EXTRA, REMOVED = unpack(KEYS)
local STRIDE, FIRST = 5, 11   -- arguments per body or answer, and where they begin
local EXACT = 2 ^ 53   -- from here on Lua's numbers skip integers; Redis adds exactly
local call = redis.call

local shard = call('HMGET', EPOCH, 'epoch', 'pending')
if shard[1] ~= ARGV[1] then return redis.error_reply('EPOCH') end
local meta = call('HMGET', META, 'epoch', 'offset', 'loading')
if meta[1] ~= ARGV[1] or meta[3] then return redis.error_reply('COLD') end
local activity = call('HMGET', ACTIVITY, 'state', 'round', 'version', 'changes', 'until_ms', 'from_ms', 'limit_ms')
if not activity[1] then return redis.error_reply('STALE') end
if activity[3] ~= ARGV[5] then return redis.error_reply('STALE') end

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = tostring(now)
local round = ARGV[4]
local closed_code, late = nil, nil    -- late: by how many ms the deadline is past
if activity[2] ~= round then closed_code = -5
elseif activity[1] ~= 'active' then
  closed_code = ({ draft = -3, published = -3, paused = -6 })[activity[1]] or -4
elseif now < tonumber(activity[6] or 0) then closed_code = -3
elseif activity[5] and tonumber(activity[5]) > 0 and now > tonumber(activity[5]) then
  late = now - tonumber(activity[5])
end
local changes = activity[4] == '1'
local room = tonumber(ARGV[6]) - tonumber(shard[2] or 0)

-- What an answer says, with all that is the same for everybody who says it; texts are joined once.
local function read_body(b)
  local entry, head = ARGV[b], ARGV[b + 3]
  local body = { entry = entry, limit = tonumber(ARGV[b + 1]), counters = ARGV[b + 2], item = ARGV[b + 4] }
  body.kind = entry ~= '' and (string.match(entry, '^([^:]*):') or entry) or ''
  body.stands = '\n' .. body.counters .. '\n' .. head
  body.line = '|0|' .. entry .. '\n' .. head
  return body
end

-- By the text of `what`: an answer with its revision, expected revision and standing.
local whats = {}
local longest, items_come = 0, false
for number = 1, tonumber(ARGV[10]) do
  local body = read_body(FIRST + (number - 1) * STRIDE)
  whats[tostring(number)] = { body, 0, -1, '0' }
  longest = longest + #body.counters
  items_come = items_come or body.item ~= ''
end

local function read_what(text)
  local number, revision, expected, standing = string.match(text, '^(%d+)|(%d+)|(-?%d+)|(%d)$')
  local what = { whats[number][1], tonumber(revision), tonumber(expected), standing }
  whats[text] = what
  return what
end

local wide = items_come and call('ZCARD', STAMPS) or 0

local people, submissions, fields, responses, owns, said = {}, {}, {}, {}, {}, {}
local n = 0
for b = FIRST + tonumber(ARGV[10]) * STRIDE, #ARGV, STRIDE do
  n = n + 1
  local participant, what = ARGV[b], whats[ARGV[b + 4]] or read_what(ARGV[b + 4])
  local entry = what[1].entry
  people[n], submissions[n], responses[n], owns[n], said[n] = participant, ARGV[b + 1], ARGV[b + 2], ARGV[b + 3], what
  fields[n] = entry == '' and participant or participant .. '|' .. entry
end
local members = call('HMGET', PEOPLE, unpack(people))
local known = call('HMGET', SEEN, unpack(submissions))
local stored = call('HMGET', ANSWERS, unpack(fields))
local extra = late and call('HMGET', EXTRA, unpack(people)) or {}

local closes = closed_code or late   -- for somebody at least

-- Whether an answer comes too late, or too early, for the one who sends it.
local function barred(i, standing)
  if not late then return not (standing == '3' and closed_code == -6) and closed_code or nil end
  if standing == '3' or late <= tonumber(extra[i] or 0) / 100 * tonumber(activity[7] or 0) then return nil end
  return -4
end

-- A tally of texts must not grow for ever. Only where the limit is near is it worth knowing each name.
local names, most_names, names_now = nil, tonumber(ARGV[9]), {}
do
  local count = call('HLEN', TALLY)
  if count + longest / 6 > most_names then names = count end   -- a counter is at least `"n":1,`
end

-- Whether the tally has room for all counters of an answer; then they count as there.
local function fits(counters)
  if names == nil or counters == '' then return true end
  local fresh = {}
  for name in pairs(cjson.decode(counters)) do
    if not names_now[name] and call('HEXISTS', TALLY, name) == 0 then fresh[#fresh + 1] = name end
  end
  if #fresh > 0 and names + #fresh > most_names then return false end
  names = names + #fresh
  for _, name in ipairs(fresh) do names_now[name] = true end
  return true
end

local offset = tonumber(meta[2])
local others, told = {}, 0
local reply, at = { now, offset, others }, 3
local answers_now, seen_now = {}, {}                        -- what this batch itself changed
local sums, moved = {}, {}                                  -- counters JSON -> how often; extra counters
local stamps, lines, accepted = {}, {}, 0
local set_answers, set_seen, personal = {}, {}, {}          -- flat: of what is written twice the later counts
local set_items, drop_items = {}, {}
local limits_now, set_limits, entries_now = {}, {}, {}
local revision_texts = {}
local of_activity, of_now = '|' .. ARGV[3] .. '|', '|' .. now_text

-- Most activities take one answer each; only where some entry stands is anybody counted by his entries.
local several, drafted = false, false
if call('EXISTS', LIMITS, DRAFTS) > 0 then
  several, drafted = call('EXISTS', LIMITS) == 1, call('EXISTS', DRAFTS) == 1
end

local function standing(field)
  local value = limits_now[field]
  if value == nil then
    value = several and tonumber(call('HGET', LIMITS, field) or 0) or 0
    limits_now[field] = value
  end
  return value
end

local function set_standing(field, value)
  limits_now[field], set_limits[field] = value, value
end

-- Whether his answer without an entry stands, beside those with one.
local function single(participant)
  local value = answers_now[participant]
  if value == nil then
    value = call('HGET', ANSWERS, participant)
    answers_now[participant] = value
  end
  return value and string.match(value, '^[^\n]*|(%a+)\n') ~= 'w'
end

for i = 1, n do
  local participant, submission, fresh, field = people[i], submissions[i], responses[i], fields[i]
  local what = said[i]
  local body, revision, expected, stance = what[1], what[2], what[3], what[4]
  local entry, limit, counters, item, receipt = body.entry, body.limit, body.counters, body.item, stance == '1'
  local withdraws = counters == ''
  local code, got_offset, got_revision, got_response, got_at = nil, 0, 0, '', 0

  local seen = seen_now[submission] or known[i]
  local old = answers_now[field]
  if old == nil then old = stored[i] end
  local old_revision, old_submission, old_response, old_offset, old_flag, old_counters
  if old then
    old_revision, old_submission, old_response, old_offset, old_flag, old_counters =
      string.match(old, '^(%d+)|([^|]*)|([^|]*)|(%d+)|(%a+)\n([^\n]*)')
    old_revision = tonumber(old_revision)
  end
  local lives = old and old_flag ~= 'w'

  if seen then
    local s_offset, s_revision, s_participant, s_activity, s_response, s_at =
      string.match(seen, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|?(%d*)')
    if s_participant == participant and s_activity == ARGV[3] then
      code, got_offset, got_revision, got_response = 2, tonumber(s_offset), tonumber(s_revision), s_response
      got_at = tonumber(s_at) or 0
    else
      code = -12
    end
  elseif not members[i] then
    -- Removed, or a join that Redis forgot before it was saved: then the hub lets the ticket's holder in again.
    code = call('HEXISTS', REMOVED, participant) == 1 and -2 or -41
  elseif stance == '2' then code = -40
  elseif closes and not receipt and barred(i, stance) then code = barred(i, stance)
  elseif expected >= 0 and expected ~= (old_revision or 0) then
    code, got_revision, got_response = -9, old_revision or 0, old_response or ''
  else
    local new_revision = revision > 0 and revision or (old_revision or 0) + 1
    if old and (new_revision < old_revision or (new_revision == old_revision and submission <= old_submission)) then
      if receipt then
        code, got_offset, got_revision, got_response = 2, tonumber(old_offset), new_revision, old_response
      else
        code, got_offset, got_revision, got_response = -8, tonumber(old_offset), old_revision, old_response
      end
    elseif withdraws and not lives and not receipt then code = -13
    elseif lives and not changes and not receipt then
      code, got_revision, got_response = -7, old_revision, old_response
    elseif room < 1 then code = -20
    elseif item ~= '' and not old and not receipt and wide >= tonumber(ARGV[8]) then code = -14
    else
      local kind = body.kind
      local adds = (withdraws and 0 or 1) - (lives and 1 or 0)
      if adds > 0 and limit > 0 and entry ~= '' and not receipt and standing(participant .. '|' .. kind) >= limit then
        code = -10
      elseif not withdraws and not receipt and not fits(counters) then code = -14
      else
        offset = offset + 1
        room = room - 1
        code, got_revision, got_response = 1, new_revision, old_response or fresh
        if lives then sums[old_counters] = (sums[old_counters] or 0) - 1 end
        local flag, stands, line, own = 'l', body.stands, body.line, owns[i]
        if withdraws then
          -- An accepted withdrawal that Redis forgot may come back before its answer does: it stays as a tombstone.
          flag, line = 'w', '|1' .. string.sub(line, 3)
          if old then
            local payload = string.match(old, '^[^\n]*\n[^\n]*\n(.*)$')
            stands, line, own = '\n\n' .. payload, '|1|' .. entry .. '\n' .. payload, ''
          end
        else
          sums[counters] = (sums[counters] or 0) + 1
        end
        if adds ~= 0 then
          local others
          if entry == '' then
            others = standing(participant)
          else
            others = standing(participant)
            set_standing(participant .. '|' .. kind, standing(participant .. '|' .. kind) + adds)
            set_standing(participant, others + adds)
            others = math.min(others, others + adds) + (single(participant) and 1 or 0)
          end
          if others == 0 then moved['#people'] = (moved['#people'] or 0) + adds end
        end
        if entry ~= '' and not old then
          local list = entries_now[participant] or call('HGET', ENTRIES, participant)
          entries_now[participant] = list and list .. '\31' .. entry or entry
        end
        if item ~= '' and flag == 'l' then
          flag = 'li'
          set_items[got_response] = string.sub(item, 1, -2) .. ',"at_ms":' .. now_text .. ',"seq":' .. offset .. '}'
          drop_items[got_response] = nil
          stamps['item:' .. ARGV[3] .. ':' .. round .. ':' .. got_response] = offset
          if not old then wide = wide + 1 end
        elseif old_flag == 'li' then
          drop_items[got_response], set_items[got_response] = true, nil
          stamps['item:' .. ARGV[3] .. ':' .. round .. ':' .. got_response] = offset
        end
        -- Each number becomes text once: that costs more than all the joining.
        local offset_text, revision_text = tostring(offset), revision_texts[new_revision] or tostring(new_revision)
        revision_texts[new_revision] = revision_text
        local value = revision_text .. '|' .. submission .. '|' .. got_response .. '|' .. offset_text .. '|' .. flag .. stands .. own
        local mark = offset_text .. '|' .. revision_text .. '|' .. participant .. of_activity .. got_response .. of_now
        answers_now[field], seen_now[submission] = value, mark
        local flat = accepted * 2
        set_answers[flat + 1], set_answers[flat + 2] = field, value
        set_seen[flat + 1], set_seen[flat + 2] = submission, mark
        personal[flat + 1], personal[flat + 2] = offset_text, participant
        accepted = accepted + 1
        lines[accepted] = offset_text .. '|' .. revision_text .. '|' .. got_response .. '|' .. submission .. '|' ..
          participant .. line .. own
      end
    end
  end
  if code == 1 then
    reply[at + 1], reply[at + 2] = got_revision, old_response or ''
  else
    reply[at + 1], reply[at + 2] = 0, ''
    others[told + 1], others[told + 2], others[told + 3], others[told + 4], others[told + 5] =
      code, got_offset, got_revision, got_response, got_at
    told = told + 5
  end
  at = at + 2
end

if accepted > 0 then
  local tally = {}
  local function move(name, amount)
    if amount ~= 0 and call('HINCRBY', TALLY, name, string.format('%.0f', amount)) == 0 then call('HDEL', TALLY, name) end
  end
  local function add(name, amount)
    local sum = (tally[name] or 0) + amount
    if math.abs(sum) >= EXACT then
      move(name, tally[name] or 0)
      move(name, amount)
      sum = 0
    end
    tally[name] = sum
  end
  for text, times in pairs(sums) do
    if times ~= 0 and text ~= '' then
      for name, amount in pairs(cjson.decode(text)) do
        if math.abs(amount * times) < EXACT then
          add(name, amount * times)
        else
          for _ = 1, math.abs(times) do add(name, times > 0 and amount or -amount) end
        end
      end
    end
  end
  for name, amount in pairs(moved) do add(name, amount) end
  local changed = {}
  for name, amount in pairs(tally) do
    if amount ~= 0 then changed[#changed + 1] = name end
  end
  for first = 1, #changed, 1000 do
    -- One read and one write for all of them, where Lua's numbers are good enough.
    local last = math.min(first + 999, #changed)
    local before = call('HMGET', TALLY, unpack(changed, first, last))
    local set, drop = {}, {}
    for i = first, last do
      local name, was = changed[i], tonumber(before[i - first + 1] or 0)
      local sum = was + tally[name]
      if math.abs(was) >= EXACT or math.abs(sum) >= EXACT then
        move(name, tally[name])
      elseif sum == 0 then
        drop[#drop + 1] = name
      else
        set[#set + 1], set[#set + 2] = name, string.format('%.0f', sum)
      end
    end
    if #set > 0 then call('HSET', TALLY, unpack(set)) end
    if #drop > 0 then call('HDEL', TALLY, unpack(drop)) end
  end
  local function write(command, key, map)
    local flat, size = {}, 0
    for name, value in pairs(map) do
      flat[size + 1], flat[size + 2] = name, value
      size = size + 2
    end
    if size > 0 then call(command, key, unpack(flat)) end
  end
  call('HSET', ANSWERS, unpack(set_answers))
  call('HSET', SEEN, unpack(set_seen))
  write('HSET', LIMITS, set_limits)
  write('HSET', ENTRIES, entries_now)
  write('HSET', ITEMS, set_items)
  for response in pairs(drop_items) do call('HDEL', ITEMS, response) end
  if drafted then
    -- What was drafted is answered now. Drafts stand under the participant, like answers without an entry.
    for i = 1, #set_answers, 2 do
      if call('HDEL', DRAFTS, set_answers[i]) == 1 then stamps['drafts:' .. ARGV[3] .. ':' .. round] = offset end
    end
  end
  if closed_code == -5 then
    -- An earlier round that the live store may not know: without this it would outlive the session's unloading.
    local part = ':' .. ARGV[3] .. ':' .. round
    call('SADD', PARTS, 'answers' .. part, 'entries' .. part, 'limits' .. part, 'tally' .. part, 'items' .. part)
  end
  local scores = { offset, 'tally:' .. ARGV[3] .. ':' .. round }
  for key, stamp in pairs(stamps) do
    scores[#scores + 1], scores[#scores + 2] = stamp, key
  end
  call('ZADD', STAMPS, unpack(scores))
  call('ZADD', PERSONAL, unpack(personal))
  call('HSET', META, 'offset', offset, 'accepted_to', offset)
  call('HINCRBY', EPOCH, 'pending', accepted)
  call('XADD', OUTBOX, '*', 'k', 'r', 's', ARGV[2], 'a', ARGV[3], 'r', round, 'e', ARGV[1], 't', now,
    'd', table.concat(lines, '\n'))
  call('SPUBLISH', ARGV[7], ARGV[2])
end
return reply
