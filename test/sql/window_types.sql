-- The window types: text, bytes, functions, constraints.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = public, flexexchange;

-- ISO 8601 intervals in their three forms, and range literals
SELECT w::time_window FROM (VALUES
  ('2026-11-20T17:00Z/2026-11-20T17:30Z'), ('2026-11-20T17:00Z/PT30M'), ('PT30M/2026-11-20T17:30Z'),
  ('20261120T170000Z/20261120T173000Z'), ('2026-11-20 17:00+01 / 2026-11-20 17:30+01'),
  ('[2026-11-20 17:00,2026-11-20 17:30)'), ('["2026-11-20 17:00:00+00","2026-11-20 17:30:00+00")'),
  ('[2026-11-20 17:00,)'), ('[,2026-11-20 17:00)'), ('-infinity/infinity'), ('2026-11-20T17:00Z/infinity'),
  ('2026-11-20T17:00:00.000001Z/2026-11-20T17:00:00.5Z'), ('2026-01-31T00:00Z/P1M'), ('P1Y2M3DT4H5M6S/2026-01-31T00:00Z'),
  ('0044-03-15T12:00Z BC/0001-01-01T00:00Z'), ('  2026-11-20T17:00Z/PT30M  ')) v (w);
-- the session's time zone decides what has no offset, and how it is written
SET TimeZone = 'Europe/London';
SELECT '2026-07-01T17:00/PT30M'::time_window, '2026-12-01T17:00/PT30M'::time_window;
-- a day is a local day: 23 hours in spring, 25 in autumn
SELECT duration('2026-03-29T00:00/P1D'), duration('2026-10-25T00:00/P1D'), duration('2026-06-01T00:00/P1D'), duration('2026-06-01T00:00/infinity');
SELECT '1800-01-01T00:00Z/1800-01-02T00:00Z'::time_window;
SET TimeZone = 'UTC';
-- a duration counts as timestamptz + interval does, to the ends of time and in both directions
CREATE FUNCTION counts_as(anchor timestamptz, span text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  verdict text := 'same';
  instant timestamptz;
  ours time_window;
BEGIN
  FOR backwards IN 0..1 LOOP
    BEGIN
      instant := CASE backwards WHEN 0 THEN anchor + span::interval ELSE anchor - span::interval END;
    EXCEPTION WHEN datetime_field_overflow THEN
      instant := NULL;
    END;
    BEGIN
      ours := CASE backwards WHEN 0 THEN format('[%s,%s)', anchor, span) ELSE format('[%s,%s)', span, anchor) END;
    EXCEPTION WHEN invalid_text_representation THEN
      ours := NULL;
    END;
    IF (CASE backwards WHEN 0 THEN upper(ours) ELSE lower(ours) END) IS DISTINCT FROM instant THEN
      RETURN format('%s and %s: %s, not %s', anchor, span, ours, instant);
    ELSIF instant IS NULL THEN
      verdict := 'same, one out of range';
    END IF;
  END LOOP;
  RETURN verdict;
END $$;
SET TimeZone = 'Europe/London';
SELECT verdict, count(*) > 100 AS many FROM generate_series(1, 3000) i, LATERAL (SELECT
  CASE i % 3
    WHEN 0 THEN timestamptz '2026-01-31T00:30Z' + abs(hashint8extended(i, 1)) % 20000 * interval '30 minutes'
    WHEN 1 THEN timestamptz '4714-11-24T00:00Z BC' + abs(hashint8extended(i, 1)) % 3650000 * interval '1 day'
    ELSE timestamptz '294276-12-31T23:00Z' - abs(hashint8extended(i, 1)) % 3650000 * interval '1 day' END,
  format(CASE i % 4 WHEN 0 THEN 'P%sY%sM%sDT%sH1S' WHEN 1 THEN 'P%2$sM' WHEN 2 THEN 'P%3$sD' ELSE 'P%1$sY%3$sD' END,
         abs(hashint8extended(i, 2)) % 9999, 1 + abs(hashint8extended(i, 3)) % 30, 1 + abs(hashint8extended(i, 4)) % 400, abs(hashint8extended(i, 5)) % 100)) x (a, s), counts_as(a, s) AS verdict
GROUP BY verdict ORDER BY verdict COLLATE "C";
SET TimeZone = 'UTC';
DROP FUNCTION counts_as(timestamptz, text);
-- what is written reads back as the same, in any time zone
CREATE TABLE kept (tw time_window, rw resource_window);
INSERT INTO kept SELECT w, resource_window(i - 500, w) FROM (
  SELECT i, time_window(to_timestamp(hashint8extended(i, 1) % 30000000000 / 7.0), to_timestamp(hashint8extended(i, 1) % 30000000000 / 7.0 + 1 + abs(hashint8extended(i, 2)) % 100000 / 3.0)) AS w
  FROM generate_series(1, 1000) i) x;
INSERT INTO kept VALUES ('-infinity/infinity', '-9223372036854775808@-infinity/infinity'), ('2026-01-01T00:00Z/infinity', '9223372036854775807@-infinity/2026-01-01T00:00Z');
SET TimeZone = 'Asia/Kathmandu';
CREATE TABLE written AS SELECT tw::text AS t, rw::text AS r, tw, rw FROM kept;
SET TimeZone = 'America/St_Johns';
SELECT count(*) FROM written WHERE t::time_window <> tw OR r::resource_window <> rw;
-- even one farther from Greenwich than an offset that can be read
SET TimeZone = '-167';
SELECT '2026-11-20T17:00Z/PT30M'::time_window, count(*) FILTER (WHERE tw::text::time_window <> tw OR rw::text::resource_window <> rw) FROM kept;
SET TimeZone = '15.75';
SELECT '2026-11-20T17:00Z/PT30M'::time_window::text::time_window;
SET TimeZone = '16';
SELECT '2026-11-20T17:00Z/PT30M'::time_window::text::time_window;
SET TimeZone = 'UTC';
-- what is not a window
\set VERBOSITY default
SELECT '2026-11-20T17:00Z/2026-11-20T17:00Z'::time_window;
SELECT '2026-11-20T17:30Z/2026-11-20T17:00Z'::time_window;
SELECT '2026-11-20T17:30Z'::time_window;
SELECT '2026-02-30T17:30Z/PT1H'::time_window;
SELECT '2026-11-20T17:30Z/-PT1H'::time_window;
SELECT '2026-11-20T17:30Z/PT0S'::time_window;
SELECT '294276-01-01T00:00Z/P1Y'::time_window;
SELECT '1@P9999Y/2026-01-01T00:00Z'::resource_window;
SELECT 'PT1H/PT1H'::time_window;
SELECT 'infinity/PT1H'::time_window;
SELECT '(2026-11-20 17:00,2026-11-20 17:30]'::time_window;
SELECT 'empty'::time_window;
SELECT ''::time_window;
SELECT 'a/b/c'::time_window;
SELECT repeat('x', 10000000)::time_window;
SELECT '42'::resource_window;
SELECT 'x@2026-11-20T17:00Z/PT30M'::resource_window;
SELECT '9223372036854775808@2026-11-20T17:00Z/PT30M'::resource_window;
SELECT '1@2026-11-20T17:00Z/PT0M'::resource_window;
SELECT (repeat('0', 300) || '1@2026-11-20T17:00Z/PT30M')::resource_window;
SELECT time_window(timestamptz '2026-11-20T17:30Z', timestamptz '2026-11-20T17:00Z');
SELECT 'empty'::tstzrange::time_window;
SELECT duration('4714-11-24T00:00Z BC/287564-12-03T04:00:54.775808Z');
\set VERBOSITY terse

-- bytes: out and in is the same, and hostile bytes are refused
SELECT time_window_send(time_window '2000-01-01T00:00Z/2000-01-01T00:00:01Z'), resource_window_send('1@2000-01-01T00:00Z/2000-01-01T00:00:01Z');
-- (binary COPY through files is in test/t/010_dump_restore.pl; here the functions are called as COPY calls them)
CREATE TABLE by_array AS SELECT array_agg(tw) AS a, array_agg(rw) AS r FROM kept;
SELECT array_length(a, 1), (SELECT count(*) FROM unnest(a, r) AS x (tw, rw) JOIN kept k USING (tw, rw)) = (SELECT count(*) FROM kept) AS same FROM by_array;

-- the first day of time begins on the day before it, west of Greenwich
SET TimeZone = '<D>+24:59';
SELECT extract(epoch FROM upper(w) - lower(w)) AS seconds FROM (SELECT time_window '4714-11-24T00:00Z BC/P1D') x (w);
SET TimeZone = 'UTC';

-- functions
SELECT lower(w), upper(w), duration(w) FROM (SELECT time_window '2026-11-20T17:00Z/PT30M') x (w);
SELECT duration('4714-11-24T00:00Z BC/287564-12-03T04:00:54.775807Z');
SELECT resource(w), time_window(w), lower(w), upper(w) FROM (SELECT resource_window '42@2026-11-20T17:00Z/PT30M') x (w);
SELECT time_window '2026-11-20T17:00Z/PT30M' * '2026-11-20T17:15Z/PT30M', time_window '2026-11-20T17:00Z/PT30M' * '2026-11-20T17:30Z/PT30M';
SELECT time_window '2026-11-20T17:00Z/PT30M'::tstzrange, '(2026-11-20 17:00+00,2026-11-20 17:30+00]'::tstzrange::time_window, '(,)'::tstzrange::time_window;
-- the ends: the start is in, the end is out, touching is not overlapping
SELECT w @> lower(w), w @> upper(w), w && time_window(upper(w), upper(w) + interval '1 s'), w -|- time_window(upper(w), upper(w) + interval '1 s'), upper(w) <@ w
FROM (SELECT time_window '2026-11-20T17:00Z/PT30M') x (w);
-- other resources have nothing to do with each other
SELECT a && b, a @> b, a << b, a -|- b, a &< b, a < b FROM (SELECT resource_window '1@2026-11-20T17:00Z/PT30M', resource_window '2@2026-11-20T17:00Z/PT30M') x (a, b);

-- the constraint that people come for
CREATE TABLE slot (unit bigint, w time_window, EXCLUDE USING gist (resource_window(unit, w) WITH &&));
INSERT INTO slot VALUES (1, '2026-11-20T17:00Z/PT30M'), (1, '2026-11-20T17:30Z/PT30M'), (2, '2026-11-20T17:00Z/PT30M');
INSERT INTO slot VALUES (1, '2026-11-20T17:29:59.999999Z/PT30M');
INSERT INTO slot VALUES (2, '2026-11-20T17:29:59.999999Z/PT1S');
INSERT INTO slot VALUES (3, '-infinity/infinity');
INSERT INTO slot VALUES (3, '2026-11-20T17:29:59.999999Z/PT1S');
SELECT * FROM slot ORDER BY unit, w;
DROP TABLE kept, written, slot, by_array;
