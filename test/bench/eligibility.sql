-- Eligibility of many assets for a product, and of many products for an asset,
-- beside the same predicate on jsonb and on typed columns.
--
--   psql -v rows=1000000 -v specs=10000 -f test/bench/eligibility.sql
--
-- Needs a database with the extension; works in schema eligibility_bench, which
-- it makes and drops.  Runs are interleaved, one core, warm; medians of 7.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?rows} \else \set rows 1000000 \endif
\if :{?specs} \else \set specs 10000 \endif
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS eligibility_bench CASCADE;
CREATE SCHEMA eligibility_bench;
SET search_path = eligibility_bench, flexexchange;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

\ir eligibility_data.sql

-- The products of the measurements, in the three ways of writing them.
CREATE TABLE question (name text, typed product_spec, by_jsonb text, by_column text);
INSERT INTO question VALUES
 ('zone: three zones, batteries and chargers, 7 kW, notice 2 min',
  '{"member":{"constraint_zone":["ZONE_17","ZONE_18","ZONE_19"],"technology":["BESS","EV_CHARGER"],"up_kw":{"min":7},"notice":{"max":"PT2M"}}}',
  $$doc->>'constraint_zone' IN ('ZONE_17', 'ZONE_18', 'ZONE_19') AND doc->>'technology' IN ('BESS', 'EV_CHARGER') AND (doc->>'up_kw')::numeric >= 7 AND (doc->>'notice_s')::int <= 120$$,
  $$constraint_zone IN ('ZONE_17', 'ZONE_18', 'ZONE_19') AND technology IN ('BESS', 'EV_CHARGER') AND up_kw >= 7 AND notice_s <= 120$$),
 ('national: batteries of 1 MW both ways, 1 s, 1 Hz, 1 h',
  '{"member":{"technology":["BESS"],"directions":["up","down"],"up_kw":{"min":1000},"down_kw":{"min":1000},"notice":{"max":"PT1S"},"metering_granularity":{"max":"PT1S"},"max_duration":{"min":"PT1H"}}}',
  $$doc->>'technology' = 'BESS' AND doc->'directions' @> '["up","down"]' AND (doc->>'up_kw')::numeric >= 1000 AND (doc->>'down_kw')::numeric >= 1000 AND (doc->>'notice_s')::int <= 1 AND (doc->>'metering_granularity_s')::int <= 1 AND (doc->>'max_duration_s')::int >= 3600$$,
  $$technology = 'BESS' AND up_kw >= 1000 AND down_kw >= 1000 AND notice_s <= 1 AND metering_granularity_s <= 1 AND max_duration_s >= 3600$$),
 ('group: anything of 500 kW in one GSP group, 15 min',
  '{"member":{"gsp_group":["_C"],"up_kw":{"min":500},"notice":{"max":"PT15M"}}}',
  $$doc->>'gsp_group' = '_C' AND (doc->>'up_kw')::numeric >= 500 AND (doc->>'notice_s')::int <= 900$$,
  $$gsp_group = '_C' AND up_kw >= 500 AND notice_s <= 900$$),
 ('speed: anything in 1 s at 1 Hz, no place, no size',
  '{"member":{"notice":{"max":"PT1S"},"metering_granularity":{"max":"PT1S"}}}',
  $$(doc->>'notice_s')::int <= 1 AND (doc->>'metering_granularity_s')::int <= 1$$,
  $$notice_s <= 1 AND metering_granularity_s <= 1$$);

CREATE TABLE built (what text, ms numeric, mb numeric);
CREATE FUNCTION timed(sql text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE since timestamptz;
BEGIN
  since := clock_timestamp();
  EXECUTE sql;
  RETURN round(extract(epoch FROM clock_timestamp() - since)::numeric * 1000, 3);
END $$;
INSERT INTO built SELECT 'GiST on profiles', timed('CREATE INDEX asset_typed_profile_idx ON asset_typed USING gist (profile)'), 0;
INSERT INTO built SELECT 'GiST on specs', timed('CREATE INDEX product_spec_idx ON product USING gist (spec)'), 0;
INSERT INTO built SELECT 'B-tree on (constraint_zone, up_kw), not used below', timed('CREATE INDEX tried ON asset_column (constraint_zone, up_kw)'), 0;
UPDATE built SET mb = round(pg_relation_size(CASE what WHEN 'GiST on profiles' THEN 'asset_typed_profile_idx' WHEN 'GiST on specs' THEN 'product_spec_idx' ELSE 'tried' END::regclass) / 1048576.0, 1);
DROP INDEX tried;

CREATE TABLE run (name text, way text, found bigint, ms numeric);
CREATE FUNCTION measure(repeats int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  q question; since timestamptz; n bigint;
  way text; sql text;
BEGIN
  FOR r IN 0 .. repeats LOOP
    FOR q IN SELECT * FROM question LOOP
      FOREACH way IN ARRAY ARRAY['index', 'scan of profiles', 'jsonb', 'columns'] LOOP
        PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', CASE way WHEN 'index' THEN 'on' ELSE 'off' END, true),
                set_config('enable_bitmapscan', CASE way WHEN 'index' THEN 'on' ELSE 'off' END, true);
        sql := CASE way WHEN 'jsonb' THEN 'SELECT count(*) FROM asset_jsonb WHERE ' || q.by_jsonb
                        WHEN 'columns' THEN 'SELECT count(*) FROM asset_column WHERE ' || q.by_column
                        ELSE format('SELECT count(*) FROM asset_typed WHERE profile <@ %L::product_spec', q.typed) END;
        since := clock_timestamp();
        EXECUTE sql INTO n;
        IF r > 0 THEN
          INSERT INTO run VALUES (q.name, way, n, extract(epoch FROM clock_timestamp() - since) * 1000);
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
SELECT measure(7) \g /dev/null

-- one asset for all products: twenty assets, one after another
CREATE FUNCTION measure_products(repeats int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  since timestamptz; n bigint; one bigint; way text; a record;
BEGIN
  FOR r IN 0 .. repeats LOOP
    FOREACH way IN ARRAY ARRAY['index', 'scan of specs', 'jsonb'] LOOP
      PERFORM set_config('enable_indexscan', CASE way WHEN 'index' THEN 'on' ELSE 'off' END, true),
              set_config('enable_bitmapscan', CASE way WHEN 'index' THEN 'on' ELSE 'off' END, true);
      n := 0;
      since := clock_timestamp();
      FOR a IN SELECT * FROM asking LOOP
        IF way = 'jsonb' THEN
          SELECT count(*) INTO one FROM product_jsonb
          WHERE (doc->'member'->'technology' IS NULL OR doc->'member'->'technology' ? a.technology)
            AND (doc->'member'->'constraint_zone' IS NULL OR doc->'member'->'constraint_zone' ? a.constraint_zone)
            AND (doc->'member'->'gsp_group' IS NULL OR doc->'member'->'gsp_group' ? a.gsp_group)
            AND (doc->'member'->'up_kw'->>'min')::numeric <= a.up_kw
            AND (doc->'member'->'notice'->>'max')::interval >= a.notice_s * interval '1 s';
        ELSE
          EXECUTE format('SELECT count(*) FROM product WHERE spec @> %L::asset_profile', a.profile) INTO one;
        END IF;
        n := n + one;
      END LOOP;
      IF r > 0 THEN
        INSERT INTO run VALUES ('20 assets, one after another, for each of the products', way, n, extract(epoch FROM clock_timestamp() - since) * 1000);
      END IF;
    END LOOP;
  END LOOP;
END $$;
SELECT measure_products(5) \g /dev/null

\pset footer off
\echo
\echo Builds
SELECT what, round(ms) AS ms, mb AS "MB" FROM built;
\echo Medians
WITH medians AS (SELECT name, way, found, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms FROM run GROUP BY name, way, found)
SELECT m.name, m.found, m.way, round(m.ms::numeric, 2) AS ms, round((m.ms / i.ms)::numeric, 1) AS "index is faster, times"
FROM medians m JOIN medians i ON i.name = m.name AND i.way = 'index' ORDER BY m.name, m.ms;
\echo What the planner expects, and finds
CREATE FUNCTION expected(spec product_spec, OUT plan text, OUT expected_rows bigint, OUT found_rows bigint) LANGUAGE plpgsql AS $$
DECLARE j json;
BEGIN
  EXECUTE format('EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM asset_typed WHERE profile <@ %L::product_spec', spec) INTO j;
  plan := j->0->'Plan'->>'Node Type';
  expected_rows := (j->0->'Plan'->>'Plan Rows')::bigint;
  found_rows := (j->0->'Plan'->>'Actual Rows')::bigint;
END $$;
SELECT name, (expected(typed)).* FROM question ORDER BY name;
DROP SCHEMA eligibility_bench CASCADE;
