-- The first breath: are the operator classes sound, does no index lie?
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT amname, opcname, amvalidate(o.oid) AS sound
FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod JOIN pg_namespace n ON n.oid = o.opcnamespace
WHERE n.nspname = 'flexexchange' ORDER BY amname COLLATE "C", opcname COLLATE "C";

CREATE SCHEMA access_test;
SET search_path = access_test, flexexchange;

-- Random values with ties, unbounded windows and few resources.
CREATE TABLE value AS
  SELECT i AS id, time_window(since, CASE WHEN i % 97 = 0 THEN 'infinity' ELSE until END) AS tw,
         resource_window(res, time_window(CASE WHEN i % 89 = 0 THEN '-infinity' ELSE since END, until)) AS rw
  FROM (SELECT i, t AS since, t + (1 + abs(hashint8extended(i, 2)) % 12) * interval '30 minutes' AS until, abs(hashint8extended(i, 3)) % 40 AS res
        FROM generate_series(1, 5000) i, LATERAL (SELECT timestamptz '2026-01-01T00:00Z' + (abs(hashint8extended(i, 1)) % 2000) * interval '30 minutes') AS x (t)) y;
CREATE TABLE query AS SELECT tw, rw, lower(tw) AS instant FROM value WHERE id % 50 = 1;

-- One plan with the index, one without: they must agree for every operator.
CREATE FUNCTION node_types(plan json) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(DISTINCT x #>> '{}', ',' ORDER BY x #>> '{}') FROM jsonb_path_query(plan::jsonb, '$.**."Index Name"') x $$;
CREATE FUNCTION disagreements(left_column text, operator text, right_column text, OUT index_used text, OUT rows bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
  sql text := format('SELECT v.id, q.ctid AS asked FROM query q, value v WHERE v.%I %s q.%I', left_column, operator, right_column);
  plan json;
BEGIN
  SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off; SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on;
  EXECUTE 'EXPLAIN (FORMAT json) ' || sql INTO plan;
  index_used := node_types(plan);
  EXECUTE format('CREATE TEMP TABLE by_index AS %s', sql);
  SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
  EXECUTE format('CREATE TEMP TABLE by_scan AS %s', sql);
  SELECT count(*) INTO rows FROM by_scan;
  SELECT (SELECT count(*) FROM (SELECT * FROM by_index EXCEPT ALL SELECT * FROM by_scan) a)
       + (SELECT count(*) FROM (SELECT * FROM by_scan EXCEPT ALL SELECT * FROM by_index) b) INTO wrong;
  DROP TABLE by_index, by_scan;
END $$;

-- GiST built by sorting, and GiST grown row by row
CREATE INDEX value_tw_gist ON value USING gist (tw);
CREATE INDEX value_rw_gist ON value USING gist (rw);
SELECT o AS operator, index_used, rows > 0 AS some, wrong FROM unnest(ARRAY['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) o, disagreements('tw', o, 'tw');
SELECT index_used, rows > 0 AS some, wrong FROM disagreements('tw', '@>', 'instant');
SELECT o AS operator, index_used, rows > 0 AS some, wrong FROM unnest(ARRAY['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) o, disagreements('rw', o, 'rw');
DROP INDEX value_tw_gist, value_rw_gist;
CREATE TABLE grown (LIKE value);
CREATE INDEX value_tw_grown ON grown USING gist (tw);
CREATE INDEX value_rw_grown ON grown USING gist (rw);
INSERT INTO grown SELECT * FROM value;
ALTER TABLE value RENAME TO value_plain;
ALTER TABLE grown RENAME TO value;
SELECT o AS operator, index_used, rows > 0 AS some, wrong FROM unnest(ARRAY['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) o, disagreements('tw', o, 'tw');
SELECT o AS operator, index_used, rows > 0 AS some, wrong FROM unnest(ARRAY['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) o, disagreements('rw', o, 'rw');
DROP INDEX value_tw_grown, value_rw_grown;
-- btree and hash
CREATE INDEX value_tw_btree ON value USING btree (tw);
CREATE INDEX value_rw_btree ON value USING btree (rw);
SELECT c AS column, o AS operator, index_used, rows > 0 AS some, wrong FROM unnest(ARRAY['<', '<=', '=', '>=', '>']) o, unnest(ARRAY['tw', 'rw']) c, disagreements(c, o, c);
DROP INDEX value_tw_btree, value_rw_btree;
CREATE INDEX value_tw_hash ON value USING hash (tw);
CREATE INDEX value_rw_hash ON value USING hash (rw);
SELECT c AS column, index_used, rows > 0 AS some, wrong FROM unnest(ARRAY['tw', 'rw']) c, disagreements(c, '=', c);
DROP INDEX value_tw_hash, value_rw_hash;

-- a bigint beside a window, in one index that is built by sorting
CREATE TABLE pair AS SELECT id, resource(rw) - 20 AS n, tw FROM value;
INSERT INTO pair VALUES (0, 9223372036854775807, '2026-01-01T00:00Z/PT30M'), (0, -9223372036854775808, '2026-01-01T00:00Z/PT30M');
CREATE INDEX pair_built ON pair USING gist (n bigint_ops, tw);
CREATE TABLE pair_grown (LIKE pair);
CREATE INDEX pair_grown_index ON pair_grown USING gist (n bigint_ops, tw);
INSERT INTO pair_grown SELECT * FROM pair;
CREATE FUNCTION pair_counts(source text) RETURNS TABLE (operator text, n bigint, hits bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH operator IN ARRAY ARRAY['<', '<=', '=', '>=', '>'] LOOP
    FOREACH n IN ARRAY ARRAY[-9223372036854775808, -20, -7, 0, 13, 19, 9223372036854775807]::bigint[] LOOP
      EXECUTE format('SELECT count(*) FROM %I WHERE n %s $1 AND tw && ''2026-01-05T00:00Z/P9D''', source, operator) INTO hits USING n;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$;
SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
CREATE TABLE by_scan AS SELECT * FROM pair_counts('pair');
RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;
SET enable_seqscan = off;
SELECT count(*) AS questions, count(*) FILTER (WHERE a.hits <> b.hits) AS wrong_built, count(*) FILTER (WHERE c.hits <> b.hits) AS wrong_grown
FROM pair_counts('pair') a JOIN by_scan b USING (operator, n) JOIN pair_counts('pair_grown') c USING (operator, n);
RESET enable_seqscan;

-- Pages of equal keys split too, and the index still finds them all.
CREATE TABLE equal AS SELECT i, resource_window(7, '2026-01-01T00:00Z/PT30M') AS rw FROM generate_series(1, 3000) i WHERE false;
CREATE INDEX equal_rw ON equal USING gist (rw);
INSERT INTO equal SELECT i, resource_window(7, '2026-01-01T00:00Z/PT30M') FROM generate_series(1, 3000) i;
SET enable_seqscan = off;
SELECT count(*) FROM equal WHERE rw && '7@2026-01-01T00:10Z/PT1M';
SELECT count(*) FROM equal WHERE rw && '8@2026-01-01T00:10Z/PT1M';
-- an index-only scan gives the value back
VACUUM equal;
SELECT DISTINCT rw FROM equal WHERE rw @> '7@2026-01-01T00:10Z/PT1M';
RESET enable_seqscan;

-- A freshly built index has room: a tenth more rows do not split its pages.
CREATE TABLE filled AS SELECT rw FROM value_plain, generate_series(1, 8) i;
CREATE INDEX filled_rw ON filled USING gist (rw);
SELECT pg_relation_size('filled_rw') AS fresh \gset
INSERT INTO filled SELECT rw FROM filled WHERE hashtext(ctid::text) % 10 = 0;
SELECT pg_relation_size('filled_rw') < 1.2 * :fresh AS "still fits";

-- Equality is one thing for sorting, hashing and joining.
SELECT count(*) = (SELECT count(DISTINCT rw) FROM value) FROM (SELECT rw FROM value GROUP BY rw) x;
SELECT count(*) FROM value a JOIN value b USING (rw) WHERE resource_window_hash(a.rw) <> resource_window_hash(b.rw)
  OR resource_window_hash_extended(a.rw, 5) <> resource_window_hash_extended(b.rw, 5) OR resource_window_cmp(a.rw, b.rw) <> 0;
SELECT bool_and(tw::tstzrange = tstzrange(lower(tw), nullif(upper(tw), 'infinity'))) FROM value;
SELECT count(*) FROM value a, query b WHERE (a.tw && b.tw) <> (a.tw::tstzrange && b.tw::tstzrange) OR (a.tw @> b.tw) <> (a.tw::tstzrange @> b.tw::tstzrange)
  OR (a.tw << b.tw) <> (a.tw::tstzrange << b.tw::tstzrange) OR (a.tw -|- b.tw) <> (a.tw::tstzrange -|- b.tw::tstzrange) OR (a.tw &< b.tw) <> (a.tw::tstzrange &< b.tw::tstzrange)
  OR (a.tw &> b.tw) <> (a.tw::tstzrange &> b.tw::tstzrange) OR (a.tw < b.tw) <> (a.tw::tstzrange < b.tw::tstzrange) OR (a.tw = b.tw) <> (a.tw::tstzrange = b.tw::tstzrange)
  OR (a.tw * b.tw)::tstzrange IS DISTINCT FROM nullif(a.tw::tstzrange * b.tw::tstzrange, 'empty');
DROP SCHEMA access_test CASCADE;
