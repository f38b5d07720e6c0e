-- What is expected to be instructed, against the oracle: at every instant a lineage
-- weighs what it weighs for headroom.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/oracle.sql'
\set random_book :src '/oracle/random_book.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('risk_oracle');
SET search_path = risk_oracle, flexexchange;
SET client_min_messages = error;
\set ECHO none
\i :journal
\i :oracle
\i :random_book
\set ECHO all
SELECT random_register(20, 3);
SELECT random_trading(1, 900, 20, 3);
INSERT INTO oracle_now SELECT * FROM oracle_commitment;
ANALYZE oracle_now;
-- a member weighs the greater of its power and its children's, its parent being the nearest ancestor there at that instant
CREATE FUNCTION naive_weight(member bigint, instant timestamptz) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT greatest(o.kw, (SELECT sum(naive_weight(k.id, instant)) FROM naive_standing k
                                 WHERE k.since <= instant AND instant < k.until AND naive_parent(k.id, instant) = o.id))
          FROM naive_standing o WHERE o.id = member);
END $$;
CREATE TABLE naive_standing AS
  SELECT o.* FROM oracle_now o WHERE o.stage <> 'bid'
   AND NOT (o.stage = 'dispatch' AND EXISTS (SELECT FROM oracle_now e WHERE e.stage = 'dispatch' AND e.supersedes_id = o.id));
CREATE FUNCTION naive_parent(member bigint, instant timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT p.id FROM naive_standing k JOIN naive_standing p ON p.id IN (k.availability_id, k.award_id) AND p.since <= instant AND instant < p.until
  WHERE k.id = member ORDER BY p.stage = 'availability' DESC LIMIT 1 $$;
CREATE TABLE expected AS SELECT o.lineage, split_part(e.during::text, '/', 1)::timestamptz AS since, split_part(e.during::text, '/', 2)::timestamptz AS until, e.power_kw
  FROM expected_dispatch('2099-01-01T00:00Z/P1Y') e JOIN commitment c ON c.id = e.commitment_id JOIN oracle_now o ON o.id = c.source_id;
CREATE TABLE naive AS
  SELECT i.lineage, i.t, coalesce((SELECT sum(naive_weight(o.id, i.t)) FROM naive_standing o
                          WHERE o.lineage = i.lineage AND o.since <= i.t AND i.t < o.until AND naive_parent(o.id, i.t) IS NULL), 0) AS kw
  FROM (SELECT lineage, since AS t FROM naive_standing UNION SELECT lineage, until FROM naive_standing) i;
SELECT count(*) > 300 AS enough, count(*) FILTER (WHERE kw > 0) > 200 AS above_zero FROM naive;
SELECT count(DISTINCT lineage) > 20 AS lineages_of_several FROM (SELECT lineage FROM naive_standing GROUP BY lineage HAVING count(*) > 1) x;
SELECT * FROM (SELECT n.lineage, n.t, n.kw, coalesce((SELECT sum(e.power_kw) FROM expected e WHERE e.lineage = n.lineage AND e.since <= n.t AND n.t < e.until), 0) AS expected_kw FROM naive n) x
WHERE kw <> expected_kw ORDER BY lineage, t;
SELECT flexexchange.drop_exchange('risk_oracle', with_data => true);
