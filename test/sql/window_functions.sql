-- Windows as sets, in steps, summed up; market time.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = public, flexexchange;

-- union, cover, difference
SELECT time_window '2026-01-01T00:00Z/PT1H' + '2026-01-01T01:00Z/PT1H', time_window '2026-01-01T00:00Z/PT2H' + '2026-01-01T01:00Z/PT2H';
\set VERBOSITY default
SELECT time_window '2026-01-01T00:00Z/PT1H' + '2026-01-01T02:00Z/PT1H';
\set VERBOSITY terse
SELECT time_window_merge('2026-01-01T00:00Z/PT1H', '2026-01-01T02:00Z/PT1H');
SELECT b, time_window_difference('2026-01-01T01:00Z/PT2H', b) FROM (VALUES (time_window '2026-01-01T01:30Z/PT1H'), ('2026-01-01T00:00Z/PT2H'), ('2026-01-01T02:00Z/PT2H'), ('2026-01-01T00:00Z/PT9H'), ('2026-01-01T03:00Z/PT9H'), ('-infinity/infinity')) v (b);
-- shifting and cutting: days are local
SET TimeZone = 'Europe/London';
SELECT shift('2026-03-28T12:00/PT1H', interval '1 day'), shift('2026-03-28T12:00/PT1H', interval '24 hours');
SELECT * FROM generate_windows('2026-03-28T00:00/P3D', interval '1 day');
SET TimeZone = 'UTC';
SELECT * FROM generate_windows('2026-01-31T00:00Z/2026-04-15T00:00Z', interval '1 month');
SELECT count(*), min(duration(w)), max(duration(w)), count(DISTINCT lower(w)) FROM generate_windows('2026-01-01T00:00Z/P1D', interval '7 minutes') w;
SELECT * FROM generate_windows('2026-01-01T00:00Z/infinity', interval '1 day');
SELECT * FROM generate_windows('2026-01-01T00:00Z/P1D', interval '0');
SELECT * FROM generate_windows('2026-01-01T00:00Z/P1D', interval '-1 day');

-- aggregates against naive SQL: for every instant at which something changes
CREATE TABLE load AS
  SELECT i, abs(hashint8extended(i, 1)) % 40 AS g, time_window(s, s + (1 + abs(hashint8extended(i, 3)) % 9) * interval '1 hour') AS w, (abs(hashint8extended(i, 4)) % 5000) / 100.0 AS kw
  FROM generate_series(1, 1500) i, LATERAL (SELECT timestamptz '2026-01-01T00:00Z' + (abs(hashint8extended(i, 2)) % 96) * interval '30 minutes') x (s);
CREATE VIEW instant AS SELECT g, lower(w) AS t FROM load UNION SELECT g, upper(w) FROM load;
WITH naive AS (
  SELECT DISTINCT ON (g) g, t, total FROM (
    SELECT n.g, n.t, (SELECT coalesce(sum(l.kw), 0) FROM load l WHERE l.g = n.g AND l.w @> n.t) AS total FROM instant n) x
  ORDER BY g, total DESC, t)
SELECT count(*) AS groups, count(*) FILTER (WHERE (m.c).peak <> n.total OR lower((m.c).during) <> n.t) AS wrong
FROM (SELECT g, max_concurrent(w, kw) AS c FROM load GROUP BY g) m JOIN naive n USING (g);
-- ... the peak ends where the sum changes next
SELECT count(*) FROM (SELECT g, max_concurrent(w, kw) AS c FROM load GROUP BY g) m
WHERE EXISTS (SELECT FROM instant n WHERE n.g = m.g AND n.t > lower((m.c).during) AND n.t < upper((m.c).during) AND (SELECT sum(l.kw) FROM load l WHERE l.g = n.g AND l.w @> n.t) <> (m.c).peak);
SELECT count(*) AS groups, count(*) FILTER (WHERE union_by_ranges IS DISTINCT FROM union_by_windows) AS wrong
FROM (SELECT g, range_agg(w::tstzrange)::text AS union_by_ranges, (SELECT range_agg(u::tstzrange)::text FROM unnest(window_union(w)) u) AS union_by_windows FROM load GROUP BY g) x;
SELECT count(*) FROM (SELECT g, cardinality(window_union(w)) AS n, (SELECT count(*) FROM unnest(range_agg(w::tstzrange))) AS m FROM load GROUP BY g) x WHERE n <> m;
SELECT count(*) FROM (SELECT i % 700 AS g, window_intersection(w) AS a, nullif(range_intersect_agg(w::tstzrange), 'empty') AS b FROM load GROUP BY i % 700) x WHERE a::tstzrange IS DISTINCT FROM b;
SELECT window_union(w), window_intersection(w), max_concurrent(w, 1) FROM load WHERE false;
SELECT max_concurrent(w, q) FROM (VALUES (time_window '2026-01-01T00:00Z/infinity', 1), ('-infinity/2026-02-01T00:00Z', 2.5), (NULL, 3), ('2026-01-01T00:00Z/P1D', NULL)) v (w, q);
-- touching windows do not stand together
SELECT max_concurrent(w, 10) FROM (VALUES (time_window '2026-01-01T00:00Z/PT1H'), ('2026-01-01T01:00Z/PT1H')) v (w);

-- the next commitment of an asset is an index scan
CREATE TABLE booked AS SELECT resource_window(g, w) AS rw FROM load;
CREATE INDEX booked_rw ON booked USING gist (rw);
ANALYZE booked;
SET enable_seqscan = off;
CREATE FUNCTION nodes(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || sql INTO plan;
  RETURN (SELECT string_agg(concat_ws(' ', n ->> 'Node Type', n ->> 'Index Name'), ', ') FROM jsonb_path_query(plan::jsonb, '$.**{1 to last} ? (@."Node Type" != "")') n);
END $$;
SELECT nodes($$SELECT rw FROM booked WHERE rw && '7@2026-01-02T00:00Z/infinity' ORDER BY rw <-> '2026-01-02T00:00Z' LIMIT 1$$);
SELECT count(*) FROM generate_series(0, 39) g, LATERAL (SELECT rw <-> '2026-01-02T00:00Z' AS d FROM booked WHERE rw && resource_window(g, '2026-01-02T00:00Z/infinity') ORDER BY rw <-> '2026-01-02T00:00Z' LIMIT 1) n
WHERE d <> (SELECT min(greatest(extract(epoch FROM lower(w) - '2026-01-02T00:00Z'), 0)) FROM load l WHERE l.g = g.g AND upper(w) > '2026-01-02T00:00Z');
RESET enable_seqscan;
SELECT time_window '2026-01-01T00:00Z/PT1H' <-> t FROM unnest(ARRAY[timestamptz '2025-12-31T23:59:58.5Z', '2026-01-01T00:30Z', '2026-01-01T01:00Z', '2026-01-01T02:00Z', 'infinity']) t;

-- settlement periods: 46, 48 or 50 in a local day
SELECT d, settlement_periods(d, 'Europe/London') AS periods, settlement_window(d, 1, 'Europe/London'), settlement_window(d, settlement_periods(d, 'Europe/London'), 'Europe/London')
FROM unnest(ARRAY[date '2024-03-31', '2024-10-27', '2025-03-30', '2025-10-26', '2026-03-29', '2026-10-25', '2027-03-28', '2027-10-31', '2026-06-01', '2026-12-01']) d;
SELECT p, settlement_window('2026-10-25', p, 'Europe/London'), settlement_label('2026-10-25', p, 'Europe/London') AS label FROM generate_series(1, 7) p;
SELECT settlement_label('2026-10-25', 50, 'Europe/London'), settlement_label('2026-03-29', 2, 'Europe/London'), settlement_label('2026-03-29', 3, 'Europe/London'), settlement_label('2026-03-29', 46, 'Europe/London');
SELECT l, settlement_periods('2026-03-29', 'Europe/London', l), settlement_periods('2026-10-25', 'Europe/London', l), settlement_periods('2026-06-01', 'Europe/London', l) FROM unnest(ARRAY[interval '5 minutes', '15 minutes', '30 minutes', '1 hour']) l;
-- there and back, every period of the year with its clock changes, in several markets
SELECT zone, count(*), count(*) FILTER (WHERE settlement_date(lower(w), zone) <> d OR settlement_period(lower(w), zone) <> p OR settlement_period(upper(w) - interval '1 microsecond', zone) <> p) AS wrong
FROM unnest(ARRAY['Europe/London', 'Europe/Oslo', 'UTC', 'Australia/Lord_Howe']) zone, generate_series(timestamp '2026-01-01', '2026-12-31', '1 day') t, LATERAL (SELECT t::date) x (d),
     generate_series(1, settlement_periods(d, zone)) p, LATERAL (SELECT settlement_window(d, p, zone)) y (w) GROUP BY zone ORDER BY zone COLLATE "C";
SELECT settlement_period('2026-11-20T17:10Z', 'Europe/London', '5 minutes'), settlement_period('2026-11-20T17:10Z', 'Europe/London', '1 hour');
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT settlement_window('2026-03-29', 47, 'Europe/London');
SELECT settlement_window('2026-03-29', 0, 'Europe/London');
SELECT settlement_periods('2026-03-29', 'Europe/London', interval '20 minutes');
\set VERBOSITY terse
-- blocks of a day, with starts given as data (these numbers are an example, not a rule)
SELECT b, day_block_window('2026-10-25', b, 'Europe/London', '{23:00,03:00,07:00,11:00,15:00,19:00}') AS autumn, duration(day_block_window('2026-03-29', b, 'Europe/London', '{23:00,03:00,07:00,11:00,15:00,19:00}')) AS spring FROM generate_series(1, 6) b;
SELECT count(*), count(*) FILTER (WHERE x.day <> d OR x.block <> b) AS wrong
FROM generate_series(timestamp '2026-01-01', '2026-12-31', '1 day') t, LATERAL (SELECT t::date) y (d), generate_series(1, 6) b,
     LATERAL day_block(lower(day_block_window(d, b, 'Europe/London', '{23:00,03:00,07:00,11:00,15:00,19:00}')), 'Europe/London', '{23:00,03:00,07:00,11:00,15:00,19:00}') x;
SELECT day_block_window('2026-10-25', 7, 'Europe/London', '{23:00,03:00,07:00,11:00,15:00,19:00}');
-- cells: the shortest that holds all of the window
SELECT count(*) > 100 AS enough, count(*) FILTER (WHERE level < 8 AND (first >> bits <> number OR last >> bits <> number)) AS not_held, count(*) FILTER (WHERE level > 0 AND first >> (bits - 4) = last >> (bits - 4)) AS not_shortest, level
FROM (SELECT *, (window_cell(w) >> 33)::int AS level, (window_cell(w) & ((1::bigint << 33) - 1)) - (1::bigint << 31) AS number, 32 + 4 * (window_cell(w) >> 33)::int AS bits,
             ((extract(epoch FROM lower(w)) - 946684800) * 1000000)::bigint AS first, ((extract(epoch FROM upper(w)) - 946684800) * 1000000)::bigint - 1 AS last
      FROM (SELECT time_window(s, s + (1 + abs(hashint8extended(i, 8)) % (4 ^ (1 + i % 11))::int) * interval '15 minutes')
            FROM generate_series(1, 20000) i, LATERAL (SELECT timestamptz '1900-01-01T00:00Z' + abs(hashint8extended(i, 9)) % 7000000 * interval '15 minutes') x (s)) y (w)) z
GROUP BY level ORDER BY level;
SELECT window_cell('-infinity/infinity') >> 33 AS ever, window_cell('2026-01-01/infinity') >> 33 AS from_now_on, window_cell('-infinity/2026-01-01') >> 33 AS so_far, window_cell('2026-01-01T00:00Z/2026-01-01T00:00:00.000001Z') >> 33 AS instant;
DROP TABLE load, booked CASCADE;
DROP FUNCTION nodes(text);
