-- time_window answers as core's range types do, through casts, on every pair of
-- bounded, non-empty ranges over seven instants: all relative positions there are
-- (before, touching, overlapping, sharing a bound, inside, equal), each both ways.
--
-- From core's regression test rangetypes these are the cases that concern such
-- ranges: literals and their bounds, lower() and upper(), isempty and the *_inc and
-- *_inf functions, equality and order, <<, >>, &&, &<, &>, -|-, @>, <@ of ranges and
-- elements, union, range_merge, difference, intersection, range_intersect_agg,
-- range_agg, GiST and btree and hash look-ups (those in access_methods.sql), and
-- exclusion constraints (window_types.sql).  Left out because a window cannot be so:
-- empty ranges, other bounds than [), other element types, subtype functions.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
CREATE SCHEMA range_test;
SET search_path = range_test, flexexchange;
CREATE TABLE span AS
  SELECT time_window(a, b) AS w, tstzrange(a, b) AS r FROM
    (SELECT timestamptz '2026-01-01T00:00Z' + i * interval '1 hour' FROM generate_series(0, 6) i) x (a),
    (SELECT timestamptz '2026-01-01T00:00Z' + i * interval '1 hour' FROM generate_series(0, 6) i) y (b)
  WHERE a < b
  UNION ALL SELECT '2026-01-01T02:00Z/infinity', '[2026-01-01T02:00Z,)' UNION ALL SELECT '-infinity/2026-01-01T04:00Z', '(,2026-01-01T04:00Z)' UNION ALL SELECT '-infinity/infinity', '(,)';
SELECT count(*) AS windows, count(*) FILTER (WHERE w::tstzrange = r AND r::time_window = w) AS cast_there_and_back,
       count(*) FILTER (WHERE lower(r) IS NOT DISTINCT FROM nullif(lower(w), '-infinity') AND upper(r) IS NOT DISTINCT FROM nullif(upper(w), 'infinity')) AS bounds,
       count(*) FILTER (WHERE lower_inf(r) = (lower(w) = '-infinity') AND upper_inf(r) = (upper(w) = 'infinity') AND NOT isempty(r) AND (lower_inc(r) OR lower_inf(r)) AND NOT upper_inc(r)) AS half_open,
       count(*) FILTER (WHERE w::text::time_window = w AND w = ('[' || coalesce(lower(r)::text, '') || ',' || coalesce(upper(r)::text, '') || ')')::time_window) AS literals
FROM span;
CREATE FUNCTION disagreements(operator text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM range_test.span a, range_test.span b WHERE (a.w %1$s b.w) IS DISTINCT FROM (a.r %1$s b.r)', operator) INTO n;
  RETURN n;
END $$;
SELECT o AS operator, (SELECT count(*) FROM span a, span b) AS pairs, disagreements(o) FROM unnest(ARRAY['=', '<>', '<', '<=', '>', '>=', '&&', '@>', '<@', '<<', '>>', '&<', '&>', '-|-']) o;
SELECT count(*) AS pairs, count(*) FILTER (WHERE (a.w * b.w)::tstzrange IS DISTINCT FROM nullif(a.r * b.r, 'empty')) AS intersection,
       count(*) FILTER (WHERE time_window_merge(a.w, b.w)::tstzrange <> range_merge(a.r, b.r)) AS merge,
       count(*) FILTER (WHERE (SELECT coalesce(range_agg(d::tstzrange), '{}') FROM unnest(time_window_difference(a.w, b.w)) d) <> tstzmultirange(a.r) - tstzmultirange(b.r)) AS difference,
       count(*) FILTER (WHERE time_window_cmp(a.w, b.w) <> CASE WHEN a.r < b.r THEN -1 WHEN a.r > b.r THEN 1 ELSE 0 END) AS compare
FROM span a, span b;
SELECT count(*) AS pairs, count(*) FILTER (WHERE (a.w + b.w)::tstzrange <> a.r + b.r) AS union_differs FROM span a, span b WHERE a.r && b.r OR a.r -|- b.r;
-- union is refused where core refuses it
CREATE FUNCTION refused(sql text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'accepted'; EXCEPTION WHEN data_exception THEN RETURN 'refused'; END $$;
SELECT DISTINCT refused(format('SELECT %L::time_window + %L', a.w, b.w)), refused(format('SELECT %L::tstzrange + %L', a.r, b.r)) FROM span a, span b WHERE NOT (a.r && b.r OR a.r -|- b.r);
SELECT count(*) AS pairs, count(*) FILTER (WHERE (w @> t) <> (r @> t) OR (t <@ w) <> (t <@ r)) AS elements FROM span, (SELECT timestamptz '2026-01-01T00:00Z' + i * interval '30 minutes' FROM generate_series(-1, 14) i) x (t);
-- aggregates over every subset of ten
SELECT count(*) AS subsets, count(*) FILTER (WHERE i::tstzrange IS DISTINCT FROM nullif(core_i, 'empty')) AS intersections, count(*) FILTER (WHERE (SELECT range_agg(u::tstzrange) FROM unnest(u) u) <> core_u) AS unions
FROM (SELECT m, window_intersection(w) AS i, range_intersect_agg(r) AS core_i, window_union(w) AS u, range_agg(r) AS core_u
      FROM generate_series(1, 1023) m, (SELECT row_number() OVER (ORDER BY hashtext(w::text)) - 1 AS n, w, r FROM span) s WHERE n < 10 AND m & (1 << n::int) <> 0 GROUP BY m) x;
-- multiranges: of one window, of a set of windows, and back
SELECT count(*) AS windows, count(*) FILTER (WHERE w::tstzmultirange = tstzmultirange(r) AND w::tstzmultirange::time_window = w) AS cast_there_and_back FROM span;
SELECT count(*) AS subsets, count(*) FILTER (WHERE windows::tstzmultirange = core_u AND core_u::time_window[] = u) AS cast_there_and_back
FROM (SELECT array_agg(w ORDER BY hashtext(w::text)) AS windows, window_union(w) AS u, range_agg(r) AS core_u
      FROM generate_series(1, 1023) m, (SELECT row_number() OVER (ORDER BY hashtext(w::text)) - 1 AS n, w, r FROM span) s WHERE n < 10 AND m & (1 << n::int) <> 0 GROUP BY m) x;
SELECT '{}'::time_window[]::tstzmultirange, '{}'::tstzmultirange::time_window[];
\set VERBOSITY terse
SELECT '{}'::tstzmultirange::time_window;
SELECT '{[2026-01-01,2026-01-02),[2026-01-03,2026-01-04)}'::tstzmultirange::time_window;
DROP SCHEMA range_test CASCADE;
