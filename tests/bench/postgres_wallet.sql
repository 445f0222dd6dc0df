-- A wallet as a PostgreSQL function: what people build second. It deduplicates a request id, looks
-- at four limits, draws on a balance, counts, and keeps a journal, in one transaction.
CREATE TABLE wallet (organization int PRIMARY KEY, balance bigint NOT NULL, revision bigint NOT NULL);
CREATE TABLE counter (organization int, scope text, id text, spent bigint NOT NULL, most bigint NOT NULL,
                      PRIMARY KEY (organization, scope, id));
CREATE TABLE request (organization int, request_id bigint, revision bigint NOT NULL,
                      PRIMARY KEY (organization, request_id));
CREATE TABLE journal (organization int, revision bigint, member text, cost bigint NOT NULL,
                      overshoot bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
                      PRIMARY KEY (organization, revision));

-- Returns the revision, the first one where the request id was seen before.
CREATE FUNCTION record(org int, member text, rid bigint, cost bigint) RETURNS bigint AS $$
DECLARE
  now_at bigint;
  over bigint;
BEGIN
  UPDATE wallet SET balance = balance - cost, revision = revision + 1
    WHERE organization = org RETURNING revision INTO now_at;
  INSERT INTO request VALUES (org, rid, now_at) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    UPDATE wallet SET balance = balance + cost, revision = revision - 1 WHERE organization = org;
    SELECT revision INTO now_at FROM request WHERE organization = org AND request_id = rid;
    RETURN now_at;
  END IF;
  WITH counted AS (
    UPDATE counter SET spent = spent + cost
      WHERE organization = org
        AND (scope, id) IN (('organization', ''), ('tier', 'standard'), ('member', member), ('surface', 'chat'))
      RETURNING spent - most AS beyond)
    SELECT greatest(0, max(beyond)) INTO over FROM counted;
  INSERT INTO journal VALUES (org, now_at, member, cost, over);
  RETURN now_at;
END
$$ LANGUAGE plpgsql;

INSERT INTO wallet SELECT o, 1000000000000000, 0 FROM generate_series(0, 9999) o;
INSERT INTO counter
  SELECT o, s.scope, s.id, 0, 1000000000000000 FROM generate_series(0, 9999) o,
    (SELECT 'organization' AS scope, '' AS id UNION ALL SELECT 'tier', 'standard' UNION ALL SELECT 'surface', 'chat'
     UNION ALL SELECT 'member', 'm-' || m FROM generate_series(0, 39) m) s;
