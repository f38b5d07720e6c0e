-- What is no value of our types is refused softly, for COPY and for those who ask
-- first: the same message, code and hint, without an error.  PostgreSQL 16 and later.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = public, flexexchange;
CREATE TABLE refused (kind text, txt text);
INSERT INTO refused SELECT 'time_window', t FROM unnest(ARRAY[
  'x', '', '/', '[', '[,', '[2026-11-20,2026-11-21]', '2026-11-20T17:00Z', '2026-11-20T17:00Z/2026-11-20T17:00Z', '2026-11-20T17:00Z/PT0S', '2026-11-20T17:00Z/P-1D',
  '2026-11-20T17:00Z/PT99999999999999999999H', '2026-11-20T17:00Z/P1.5e300D', '2026-13-20T17:00Z/PT1H', '2026-11-20T25:00Z/PT1H', '2026-11-20T17:00+99:00/PT1H',
  '2026-11-20T17:00 No/Where/PT1H', '2026-11-20T17:00 XYZT/PT1H', '2026-11-20T17:00 Nowhere/2027-01-01', '4714-01-01 BC/2026-01-01', '294277-01-01/infinity', '99999999999-01-01/infinity',
  'infinity/P1D', '20:00/21:00', repeat('x', 10000),
  -- the sum is out of range: by months, by days, by time, and after each step
  '294276-12-31T00:00Z/P1Y', 'P9999Y/2026-01-01T00:00Z', '294276-12-31T00:00Z/P1D', 'P1D/4714-11-24T00:00Z BC', 'P3000000D/4000-01-01T00:00Z BC', '294276-12-31T00:00Z/PT24H', '2026-11-20T17:00Z/PT2562047788H',
  'P9999Y11M3000000DT2000000000H/4714-11-24T00:00Z BC']) t;
INSERT INTO refused SELECT 'resource_window', p || txt FROM refused, unnest(ARRAY['', '1@', 'x@', ' 1@', '1@1@', '99999999999999999999@']) p;
INSERT INTO refused SELECT k, t FROM unnest(ARRAY['asset_profile', 'product_spec']) k, unnest(ARRAY[
  'x', '', '{', '{}x', '[]', 'null', '1', '{"a":1}', '{"a":1,"a":2}', '{"a\u0000b":1}', '{"a":"\ud800"}', '{"up_kw":1e400}', repeat('[', 1000), repeat('[', 100000), repeat('x', 2000000)]) t;
INSERT INTO refused SELECT 'asset_profile', t FROM unnest(ARRAY[
  '{"up_kw":-1}', '{"up_kw":1.2345}', '{"up_kw":"x"}', '{"up_kw":99999999999999999999999}', '{"notice":5}', '{"notice":"x"}', '{"notice":"P1M"}', '{"notice":"PT99999999999999999H"}',
  '{"technology":[]}', '{"technology":[1]}', '{"directions":["sideways"]}', '{"bm_unit":3}', '{"min_duration":"PT2H","max_duration":"PT1H"}',
  format('{"technology":"%s"}', repeat('x', 300))]) t;
INSERT INTO refused SELECT 'product_spec', t FROM unnest(ARRAY[
  '{"member":null}', '{"member":{"x":1}}', '{"member":{"up_kw":7}}', '{"member":{"up_kw":{}}}', '{"member":{"up_kw":{"min":3,"max":2}}}', '{"unit":{"notice":{"max":"P99999999999999999999D"}}}',
  '{"unit":{"technology":[]}}', '{"unit":{"bm_unit":3}}', '{"grouping":"street"}', '{"grouping":"none","unit":{"member_count":{"min":2}}}',
  format('{"unit":{"technology":"%s"}}', repeat('x', 300))]) t;
INSERT INTO refused SELECT 'rule_condition', t FROM unnest(ARRAY[
  'x', '', 'and', 'a.power_kw', 'a.power_kw > x', 'power_kw > 1', 'a.technology = ''x''', 'a.market > ''x''', 'notice > P1M', 'bm_unit = 1', 'technology in (', '(bm_unit = true', 'a.market = ''x', 'bm_unit = true;',
  repeat('(', 100), repeat('bm_unit = true or ', 64) || 'bm_unit = true', repeat('x', 10000), 'duration_' || repeat('x', 50), 'a.power_kw > 99999999999999999999', 'a.market in (' || (SELECT string_agg(quote_literal(n), ',') FROM generate_series(1000, 1550) n) || ')',
  'notice in (' || repeat('PT1M,', 700) || 'PT2M) or notice in (PT' || repeat('9', 30) || 'S)']) t;
-- what the cast says, with an error
CREATE FUNCTION cast_error(kind text, txt text, OUT message text, OUT detail text, OUT hint text, OUT sql_error_code text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT $1::%I', kind) USING txt;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, sql_error_code = RETURNED_SQLSTATE;
  detail := nullif(detail, '');
END $$;
SELECT kind, count(*) AS tried, count(*) FILTER (WHERE pg_input_is_valid(txt, kind)) AS accepted, count(*) FILTER (WHERE s IS DISTINCT FROM h) AS different,
  count(*) FILTER (WHERE s.message IS NULL OR s.hint IS NULL) AS silent, string_agg(DISTINCT s.sql_error_code, ' ') AS codes
FROM refused, pg_input_error_info(txt, kind) s, cast_error(kind, txt) h GROUP BY kind ORDER BY kind COLLATE "C";
-- what is one is one
SELECT kind, pg_input_is_valid(txt, kind) AS valid, pg_input_error_info(txt, kind) AS error FROM (VALUES
  ('time_window', '2026-11-20T17:00Z/PT30M'), ('resource_window', '42@2026-11-20T17:00Z/PT30M'), ('asset_profile', '{"technology":"BESS","up_kw":7.5}'), ('product_spec', '{"member":{"up_kw":{"min":1}}}')) v (kind, txt);
\x on
SELECT * FROM pg_input_error_info('2026-11-20T17:30Z/2026-11-20T17:00Z', 'time_window');
SELECT * FROM pg_input_error_info('x@2026-11-20T17:00Z/PT30M', 'resource_window');
SELECT * FROM pg_input_error_info('{"notice":"P1M"}', 'asset_profile');
SELECT * FROM pg_input_error_info('{"grouping":"street"}', 'product_spec');
\x off
DROP TABLE refused;
DROP FUNCTION cast_error(text, text);
