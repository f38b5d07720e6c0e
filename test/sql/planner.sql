-- The planner knows windows: estimates near the truth on a skewed book, and the
-- index chosen without hints, below row-level security too.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
CREATE SCHEMA planner_test;
SET search_path = planner_test, flexexchange, public;
-- a tenth of the rows are of 20 hot resources, the rest of 20,000; most of them early in the year
-- (no autovacuum: what it marks all-visible is cheaper by an index-only scan, whenever it comes)
CREATE TABLE book WITH (autovacuum_enabled = false) AS
  SELECT CASE WHEN i % 10 = 0 THEN abs(hashint8extended(i, 1)) % 20 ELSE abs(hashint8extended(i, 1)) % 20000 END::bigint AS unit,
         time_window(s, s + (1 + abs(hashint8extended(i, 3)) % 8) * interval '30 minutes') AS w
  FROM generate_series(1, 60000) i, LATERAL (SELECT timestamptz '2026-01-01T00:00Z' + ((abs(hashint8extended(i, 2)) % 17520) * (abs(hashint8extended(i, 5)) % 1000) / 1000) * interval '30 minutes') x (s);
ALTER TABLE book ADD rw resource_window, ADD r tstzrange, ADD open_w time_window;
UPDATE book SET rw = resource_window(unit, w), r = w, open_w = CASE WHEN unit % 5 = 0 THEN NULL WHEN unit % 5 = 1 THEN time_window(lower(w), 'infinity') ELSE w END;
SET default_statistics_target = 200;
ANALYZE book;

CREATE FUNCTION estimate(condition text, OUT near boolean) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
  guess numeric;
  truth bigint;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) SELECT FROM planner_test.book WHERE ' || condition INTO plan;
  guess := (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric;
  EXECUTE 'SELECT count(*) FROM planner_test.book WHERE ' || condition INTO truth;
  near := guess BETWEEN truth / 3.0 - 10 AND truth * 3.0 + 10;
END $$;
SELECT c AS condition, near FROM unnest(ARRAY[
  $$w && '2026-01-05T00:00Z/P1D'$$, $$w && '2026-10-05T00:00Z/P1D'$$, $$w && '2026-03-05T00:00Z/P60D'$$, $$w && '2025-03-05T00:00Z/P60D'$$, $$w && '-infinity/infinity'$$,
  $$w @> timestamptz '2026-02-05T10:00Z'$$, $$timestamptz '2026-02-05T10:00Z' <@ w$$, $$w @> time_window '2026-02-05T10:10Z/PT10M'$$, $$w <@ '2026-02-05T00:00Z/P10D'$$, $$time_window '2026-02-05T00:00Z/P10D' @> w$$,
  $$w << '2026-02-05T10:10Z/PT10M'$$, $$w >> '2026-02-05T10:10Z/PT10M'$$, $$w &< '2026-02-05T10:10Z/PT10M'$$, $$w &> '2026-02-05T10:10Z/PT10M'$$,
  $$time_window '2026-02-05T10:10Z/PT10M' << w$$, $$time_window '2026-02-05T10:10Z/PT10M' &< w$$, $$time_window '2026-02-05T10:10Z/PT10M' &> w$$,
  $$open_w && '2026-12-05T00:00Z/P1D'$$, $$open_w @> timestamptz '2026-12-05T00:00Z'$$, $$open_w IS NOT NULL AND open_w << '2026-06-05T00:00Z/P1D'$$,
  $$rw && '5@2026-01-05T00:00Z/P30D'$$, $$rw && '5@2026-08-05T00:00Z/P30D'$$, $$rw && '500@2026-01-01T00:00Z/P365D'$$, $$rw <@ '7@2026-01-01T00:00Z/P20D'$$, $$rw << '7@2026-03-01T00:00Z/P20D'$$, $$rw && '999999@2026-01-01T00:00Z/P365D'$$,
  $$w && NULL$$]) c, estimate(c) ORDER BY near, c COLLATE "C";
-- where core's ranges are near, so are we
SELECT count(*) AS days, count(*) FILTER (WHERE e.near) AS near, count(*) FILTER (WHERE f.near) AS core_near
FROM generate_series(0, 360, 3) d, estimate(format('w && %L', time_window(timestamptz '2026-01-01T00:00Z' + d * interval '1 day', timestamptz '2026-01-02T00:00Z' + d * interval '1 day'))) e,
     estimate(format('r && %L', tstzrange(timestamptz '2026-01-01T00:00Z' + d * interval '1 day', timestamptz '2026-01-02T00:00Z' + d * interval '1 day'))) f;
-- joins, parameters, no statistics: a number, no error
CREATE FUNCTION index_of(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || sql INTO plan;
  RETURN (SELECT string_agg(DISTINCT x #>> '{}', ', ') FROM jsonb_path_query(plan::jsonb, 'strict $.**."Index Name"') x);
END $$;
CREATE INDEX book_rw ON book USING gist (rw);
CREATE INDEX book_w ON book USING gist (w);
CREATE INDEX book_expression ON book USING gist (resource_window(unit, w)) WHERE unit > 100;
ANALYZE book;
SELECT index_of($$SELECT count(*) FROM book WHERE rw && '500@2026-01-05T00:00Z/P30D'$$), index_of($$SELECT count(*) FROM book WHERE w && '2026-10-05T00:00Z/P1D'$$), index_of($$SELECT count(*) FROM book WHERE w && '2025-10-05T00:00Z/P9000D'$$);
SELECT index_of($$SELECT count(*) FROM book WHERE unit > 100 AND resource_window(unit, w) && '500@2026-01-05T00:00Z/P30D'$$);
SELECT index_of($$SELECT count(*) FROM (SELECT * FROM book LIMIT 500) a JOIN book b ON b.rw && a.rw$$);
SELECT index_of($$SELECT count(*) FROM book a, LATERAL (SELECT FROM book b WHERE b.rw && a.rw) x WHERE a.unit = 5000$$);
PREPARE probe (resource_window) AS SELECT count(*) FROM book WHERE rw && $1;
SET plan_cache_mode = force_generic_plan;
SELECT index_of($$EXECUTE probe('500@2026-01-05T00:00Z/P30D')$$);
RESET plan_cache_mode;
-- a column in which no resource is common, one with a single row, one with NULLs alone
CREATE TABLE odd AS SELECT resource_window(i, '2026-01-01T00:00Z/PT1H') AS rw, CASE WHEN i = 1 THEN time_window '2026-01-01T00:00Z/PT1H' END AS one, NULL::time_window AS none FROM generate_series(1, 500) i;
ANALYZE odd;
SELECT count(*) FROM odd a JOIN odd b ON a.rw && b.rw WHERE a.rw && '7@2026-01-01T00:00Z/PT1H';
SELECT count(*) FROM odd a JOIN odd b ON a.one && b.one WHERE a.one @> timestamptz '2026-01-01T00:10Z';
SELECT count(*) FROM odd WHERE none && '2026-01-01T00:00Z/PT1H';
CREATE TABLE unknown (rw resource_window, w time_window);
SELECT index_of($$SELECT FROM unknown a JOIN unknown b ON a.rw && b.rw AND a.w @> b.w WHERE a.w << '2026-01-05T00:00Z/P30D'$$) IS NULL;
-- row-level security: the operators are leakproof, so they reach the index
CREATE ROLE planner_reader;
GRANT USAGE ON SCHEMA planner_test TO planner_reader;
GRANT SELECT ON book TO planner_reader;
ALTER TABLE book ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader ON book FOR SELECT TO planner_reader USING (unit % 2 = 0);
SET ROLE planner_reader;
SELECT count(*) FROM book WHERE rw && '500@2026-01-01T00:00Z/P365D';
RESET ROLE;
CREATE FUNCTION index_of_reader(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL ROLE planner_reader;
  RETURN planner_test.index_of(sql);
END $$;
SELECT index_of_reader($$SELECT count(*) FROM planner_test.book WHERE rw OPERATOR(flexexchange.&&) '500@2026-01-05T00:00Z/P30D'$$);
RESET ROLE;
SELECT count(*) FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode WHERE o.oprnamespace = 'flexexchange'::regnamespace AND NOT p.proleakproof AND o.oprname NOT IN ('*', '+');
DROP SCHEMA planner_test CASCADE;
DROP ROLE planner_reader;
