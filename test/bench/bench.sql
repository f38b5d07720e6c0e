-- Benchmarks: each case beside what a PostgreSQL user would do today, in one run.
--
-- A case has a subject and peers; each is a statement, timed after its reset.
-- Runs are interleaved (subject, peer, peer, subject, ...), so that a noisy machine
-- is noisy for all of them, and medians are compared.  A ratio is subject/peer:
-- smaller is better, and the aim is stated likewise.  Run by test/bin/bench.sh.

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '1GB';
SET synchronous_commit = off;
SET jit = off;
SET search_path = bench, flexexchange, public;

CREATE TABLE bench.contender (
  place   integer GENERATED ALWAYS AS IDENTITY,
  "case"  text NOT NULL,
  name    text NOT NULL,
  is_subject boolean NOT NULL,
  reset   text NOT NULL,
  run     text NOT NULL,
  measure text,               -- a query of a number that is compared in place of the time
  aim     numeric             -- of subject/this peer
);
CREATE TABLE bench.measurement (place integer, round integer, value numeric);

CREATE PROCEDURE bench.run_case(which text, rounds integer) LANGUAGE plpgsql AS $$
DECLARE
  c bench.contender;
  started timestamptz;
  result numeric;
BEGIN
  FOR round IN 1 .. rounds LOOP
    PERFORM set_config('bench.round', round::text, false);
    FOR c IN SELECT * FROM bench.contender WHERE "case" = which ORDER BY place LOOP
      EXECUTE c.reset;
      COMMIT;
      started := clock_timestamp();
      EXECUTE c.run;
      IF c.measure IS NULL THEN
        result := extract(epoch FROM clock_timestamp() - started) * 1000;
      ELSE
        EXECUTE c.measure INTO result;
      END IF;
      INSERT INTO bench.measurement VALUES (c.place, round, result);
      COMMIT;
    END LOOP;
  END LOOP;
END $$;

CREATE VIEW bench.result AS
  WITH median AS (
    SELECT c.*, percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value) AS value
    FROM bench.contender c JOIN bench.measurement m USING (place)
    GROUP BY c.place, c."case", c.name, c.is_subject, c.reset, c.run, c.measure, c.aim)
  SELECT s."case", current_setting('bench.rows')::bigint AS rows, round(s.value::numeric, 1) AS subject, p.name AS peer, round(p.value::numeric, 1) AS peer_value,
         round((s.value / p.value)::numeric, 3) AS ratio, p.aim, CASE WHEN p.aim IS NULL THEN '' WHEN s.value / p.value <= p.aim THEN 'met' ELSE 'missed' END AS verdict, p.place
  FROM median s JOIN median p ON p."case" = s."case" AND NOT p.is_subject
  WHERE s.is_subject;

CREATE PROCEDURE bench.and_take_back(statement text, times integer) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      EXECUTE statement;
      RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
    EXCEPTION WHEN triggered_action_exception THEN NULL;
    END;
  END LOOP;
END $$;

-- ------------------------------------------------------------------ data
-- Commitments of one asset in ten rows: half-hour starts over a year, one to eight
-- half-hours long; the same in our types and in core's.

SELECT set_config('bench.rows', :'rows', false);
CREATE TABLE bench.source AS
  SELECT (abs(hashint8extended(i, 1)) % greatest(:rows / 10, 1))::bigint AS asset, s AS starts, s + l AS ends,
         time_window(s, s + l) AS w, tstzrange(s, s + l) AS r,
         resource_window((abs(hashint8extended(i, 1)) % greatest(:rows / 10, 1))::bigint, time_window(s, s + l)) AS rw
  FROM generate_series(1, :rows) i,
       LATERAL (SELECT timestamptz '2026-01-01T00:00Z' + (abs(hashint8extended(i, 2)) % 17520) * interval '30 minutes',
                       (1 + abs(hashint8extended(i, 3)) % 8) * interval '30 minutes') AS x (s, l);
-- the same without overlaps, for exclusion constraints
CREATE TABLE bench.free AS
  SELECT asset, starts, ends, w, r, rw FROM (
    SELECT *, max(ends) OVER (PARTITION BY asset ORDER BY starts, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS taken FROM bench.source) x
  WHERE taken IS NULL OR taken <= starts
  ORDER BY hashint8extended(asset, 7), hashtext(starts::text);
CREATE TABLE bench.probe AS SELECT asset, starts, ends, w, r, rw FROM bench.source WHERE asset % 10 = 1 LIMIT least(:rows / 20, 50000);
VACUUM ANALYZE bench.source;
VACUUM ANALYZE bench.free;
VACUUM ANALYZE bench.probe;

-- ------------------------------------------------------------------ cases

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('index_build', 'gist (resource_window)', true, 'DROP INDEX IF EXISTS bench.subject_index', 'CREATE INDEX subject_index ON bench.source USING gist (rw)', NULL),
  ('index_build', 'btree_gist (asset, tstzrange)', false, 'DROP INDEX IF EXISTS bench.peer_gist', 'CREATE INDEX peer_gist ON bench.source USING gist (asset, r)', 0.1),
  ('index_build', 'btree (asset, starts)', false, 'DROP INDEX IF EXISTS bench.peer_btree', 'CREATE INDEX peer_btree ON bench.source (asset, starts)', 1.2),
  ('exclusion', 'EXCLUDE (resource_window WITH &&)', true,
   'DROP TABLE IF EXISTS bench.guarded_rw; CREATE TABLE bench.guarded_rw (rw resource_window, EXCLUDE USING gist (rw WITH &&))',
   'INSERT INTO bench.guarded_rw SELECT rw FROM bench.free', NULL),
  ('exclusion', 'EXCLUDE (asset WITH =, tstzrange WITH &&)', false,
   'DROP TABLE IF EXISTS bench.guarded_range; CREATE TABLE bench.guarded_range (asset bigint, r tstzrange, EXCLUDE USING gist (asset WITH =, r WITH &&))',
   'INSERT INTO bench.guarded_range SELECT asset, r FROM bench.free', 0.5),
  ('insert', 'gist (resource_window)', true,
   'DROP TABLE IF EXISTS bench.grown_rw; CREATE TABLE bench.grown_rw (rw resource_window); CREATE INDEX ON bench.grown_rw USING gist (rw)',
   'INSERT INTO bench.grown_rw SELECT rw FROM bench.source', NULL),
  ('insert', 'btree_gist (asset, tstzrange)', false,
   'DROP TABLE IF EXISTS bench.grown_range; CREATE TABLE bench.grown_range (asset bigint, r tstzrange); CREATE INDEX ON bench.grown_range USING gist (asset, r)',
   'INSERT INTO bench.grown_range SELECT asset, r FROM bench.source', NULL),
  ('insert', 'no index', false,
   'DROP TABLE IF EXISTS bench.grown_plain; CREATE TABLE bench.grown_plain (rw resource_window)',
   'INSERT INTO bench.grown_plain SELECT rw FROM bench.source', NULL),
  ('probe', 'gist (resource_window)', true,
   'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = on; CREATE INDEX IF NOT EXISTS subject_index ON bench.source USING gist (rw)',
   'DO $d$ BEGIN PERFORM count(*) FROM bench.probe q JOIN bench.source c ON c.rw && q.rw; END $d$', NULL),
  ('probe', 'btree_gist (asset, tstzrange)', false,
   'DROP INDEX IF EXISTS bench.peer_btree_cover; CREATE INDEX IF NOT EXISTS peer_gist ON bench.source USING gist (asset, r)',
   'DO $d$ BEGIN PERFORM count(*) FROM bench.probe q JOIN bench.source c ON c.asset = q.asset AND c.r && q.r; END $d$', 0.5),
  ('probe', 'btree (asset, starts) include (ends)', false,
   'DROP INDEX IF EXISTS bench.peer_gist; DROP INDEX IF EXISTS bench.peer_btree; CREATE INDEX IF NOT EXISTS peer_btree_cover ON bench.source (asset, starts) INCLUDE (ends)',
   'DO $d$ BEGIN PERFORM count(*) FROM bench.probe q JOIN bench.source c ON c.asset = q.asset AND c.starts < q.ends AND c.ends > q.starts; END $d$', 0.5);

INSERT INTO bench.contender ("case", name, is_subject, reset, run, measure, aim) VALUES
  ('bloat', 'pages after random insert', true,
   'DROP TABLE IF EXISTS bench.grown_rw; CREATE TABLE bench.grown_rw (rw resource_window); CREATE INDEX grown_index ON bench.grown_rw USING gist (rw)',
   'INSERT INTO bench.grown_rw SELECT rw FROM bench.source ORDER BY hashtext(rw::text)', 'SELECT pg_relation_size(''bench.grown_index'') / 8192', NULL),
  ('bloat', 'pages freshly built', false,
   'DROP INDEX IF EXISTS bench.fresh_index',
   'CREATE INDEX fresh_index ON bench.source USING gist (rw)', 'SELECT pg_relation_size(''bench.fresh_index'') / 8192', 1.25);

-- some stand by themselves: a case of theirs does not wait for the data of all others
SELECT :'case' = '' OR :'case' ~ '^clear' AS clearing, :'case' = '' OR :'case' ~ '^baseline' AS baselines, :'case' = '' OR :'case' ~ '^settle' AS settlement,
       :'case' = '' OR :'case' ~ '^(callable|heartbeat)' AS availability, :'case' = '' OR :'case' ~ '^merit_order' AS merit_order,
       :'case' !~ '^(clear|baseline|settle|callable|heartbeat|merit_order)' AS others \gset
\if :others
\ir eligibility_cases.sql
\ir rules.sql
\ir supply.sql
\ir search.sql
\ir advice.sql
\ir registration.sql
\ir qualification.sql
\ir log.sql
\ir readings.sql
\endif
\if :clearing
\ir clearing.sql
\endif
\if :baselines
\ir baselines.sql
\endif
\if :settlement
\ir settlement.sql
\endif
\if :availability
\ir availability.sql
\endif
\if :merit_order
\ir merit_order.sql
\endif
