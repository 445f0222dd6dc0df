-- A wallet as a Redis script: what people build first. It deduplicates a request id, looks at four
-- limits, draws on a balance and counts, all in one step.
--
-- KEYS: the request id; the balance; the counters of the organization, of its seat tier, of the
-- member and of the surface. ARGV: the cost and the limit of each counter, in billionths.
-- Returns the balance left, or -1 where the request id was seen before.
local cost = tonumber(ARGV[1])
-- As long as Bursar remembers them: 36 days.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', 3110400) then
  return -1
end
local overshoot = 0
for i = 3, 6 do
  local spent = tonumber(redis.call('GET', KEYS[i]) or '0')
  overshoot = math.max(overshoot, spent + cost - tonumber(ARGV[2]))
  redis.call('INCRBY', KEYS[i], ARGV[1])
end
return redis.call('DECRBY', KEYS[2], ARGV[1])
