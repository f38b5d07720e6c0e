-- baseline, baseline_event, baseline_recent: :rows asset-days of half-hours, each baselined as if there had been an event on it, beside window queries that give the same numbers; readings have the index
-- that partitions of meter_reading have. Each asset has 250 days, of which the first 60 are only looked back on, and 190 are asked.
-- baseline: every half-hour of the day, the middle 8 by energy of the last 10 working days, or 4 of 4 others.
-- baseline_event: 16:00 to 19:00 by the same, shifted by the three hours that end an hour before.
-- baseline_recent: every half-hour of the day, the mean of the last 10 of its type, which a window frame suits best.
-- Both have 256 MB to sort in, as whoever runs such a query would give it.

CREATE TABLE bench.baseline_day AS
SELECT d::date AS day, d AS starts_at, d + interval '1 day' AS ends_at, CASE WHEN extract(isodow FROM d) < 6 THEN 1 ELSE 2 END AS day_type, CASE WHEN extract(isodow FROM d) < 6 THEN 10 ELSE 4 END AS sample,
       CASE WHEN extract(isodow FROM d) < 6 THEN 8 ELSE 4 END AS chosen, NULL::text AS excluded, row_number() OVER (ORDER BY d) AS n
FROM generate_series('2025-01-01T00:00Z'::timestamptz, '2025-12-31', '1 day') d LIMIT 250;
CREATE TABLE bench.baseline_reading (unit_id bigint, starts_at timestamptz, kwh numeric(14,4));
CREATE PROCEDURE bench.fill_baselines() LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM bench.baseline_reading) THEN
    INSERT INTO bench.baseline_reading
    SELECT a::bigint AS unit_id, d.starts_at + h * interval '30 minutes' AS starts_at, ((hashint8extended(a * 100000 + d.n * 48 + h, 1) & 65535) / 10000.0)::numeric(14,4) AS kwh
    FROM generate_series(1, greatest(current_setting('bench.rows')::bigint / 190, 4)) a, bench.baseline_day d, generate_series(0, 47) h ORDER BY 1, 2;
    CREATE INDEX ON bench.baseline_reading (unit_id, starts_at);
    ANALYZE bench.baseline_reading;
  END IF;
END $$;
CREATE TABLE bench.baseline_answer (who text, unit_id bigint, starts_at timestamptz, kwh float8[]);
CREATE FUNCTION bench.baseline_units() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT greatest(current_setting('bench.rows')::bigint / 190, 4) $$;

-- what a careful user would write: the days of each asset added up once, ranked among the days before by a window, their loads kept as arrays, one division
CREATE PROCEDURE bench.baseline_by_query() LANGUAGE sql AS $$
  INSERT INTO bench.baseline_answer
  WITH typed AS MATERIALIZED (
    SELECT d.day, d.n, d.day_type, d.sample, d.chosen, d.starts_at, row_number() OVER (PARTITION BY d.day_type ORDER BY d.n) AS place FROM bench.baseline_day d),
  daily AS MATERIALIZED (
    SELECT r.unit_id, t.n, t.day_type, t.place, t.sample, t.chosen, sum(r.kwh) AS energy, array_agg(r.kwh ORDER BY r.starts_at) AS loads
    FROM bench.baseline_reading r JOIN typed t ON t.starts_at = date_trunc('day', r.starts_at, 'UTC') GROUP BY r.unit_id, t.n, t.day_type, t.place, t.sample, t.chosen),
  ranked AS (
    SELECT e.unit_id, e.n, e.chosen, e.sample, p.loads, row_number() OVER (PARTITION BY e.unit_id, e.n ORDER BY p.energy DESC, p.n DESC) AS rank
    FROM daily e JOIN daily p ON p.unit_id = e.unit_id AND p.day_type = e.day_type AND p.place BETWEEN e.place - e.sample AND e.place - 1
    WHERE e.n > 60)
  SELECT 'query', y.unit_id, d.starts_at, array_agg(round(y.load / y.days, 4)::float8 ORDER BY y.h)
  FROM (SELECT t.unit_id, t.n, l.h, sum(l.load) AS load, count(*) AS days
        FROM ranked t CROSS JOIN LATERAL unnest(t.loads) WITH ORDINALITY AS l (load, h) WHERE rank > (sample - chosen) / 2 AND rank <= (sample - chosen) / 2 + chosen GROUP BY t.unit_id, t.n, l.h) y JOIN bench.baseline_day d USING (n)
  GROUP BY y.unit_id, d.starts_at
$$;
CREATE PROCEDURE bench.baseline_by_function() LANGUAGE sql AS $$
  INSERT INTO bench.baseline_answer
  SELECT 'function', unit_id, starts_at, baseline
  FROM baselines('SELECT unit_id, starts_at, kwh FROM bench.baseline_reading ORDER BY unit_id', 'SELECT day, starts_at, ends_at, day_type, sample, chosen, excluded FROM bench.baseline_day',
                 'SELECT u, day, starts_at, ends_at, true FROM bench.baseline_day, generate_series(1, bench.baseline_units()) u WHERE n > 60', ranking => 'middle')
$$;
CREATE PROCEDURE bench.event_by_query() LANGUAGE sql AS $$
  INSERT INTO bench.baseline_answer
  WITH typed AS MATERIALIZED (
    SELECT d.day, d.n, d.day_type, d.sample, d.chosen, d.starts_at, row_number() OVER (PARTITION BY d.day_type ORDER BY d.n) AS place FROM bench.baseline_day d),
  daily AS MATERIALIZED (
    SELECT r.unit_id, t.n, t.day_type, t.place, t.sample, t.chosen, sum(r.kwh) FILTER (WHERE x.h BETWEEN 32 AND 37) AS energy, sum(r.kwh) FILTER (WHERE x.h BETWEEN 24 AND 29) AS around,
           array_agg(r.kwh ORDER BY x.h) FILTER (WHERE x.h BETWEEN 32 AND 37) AS loads
    FROM bench.baseline_reading r JOIN typed t ON t.starts_at = date_trunc('day', r.starts_at, 'UTC') CROSS JOIN LATERAL (SELECT extract(epoch FROM r.starts_at - t.starts_at)::integer / 1800) AS x (h)
    GROUP BY r.unit_id, t.n, t.day_type, t.place, t.sample, t.chosen),
  ranked AS (
    SELECT e.unit_id, e.n, e.chosen, e.around AS now_around, p.loads, p.around, row_number() OVER (PARTITION BY e.unit_id, e.n ORDER BY p.energy DESC, p.n DESC) AS rank, e.sample
    FROM daily e JOIN daily p ON p.unit_id = e.unit_id AND p.day_type = e.day_type AND p.place BETWEEN e.place - e.sample AND e.place - 1
    WHERE e.n > 60),
  taken AS (SELECT * FROM ranked WHERE rank > (sample - chosen) / 2 AND rank <= (sample - chosen) / 2 + chosen)
  SELECT 'query', y.unit_id, d.starts_at, array_agg(round((y.load * 6 + y.shift) / (6 * y.days), 4)::float8 ORDER BY y.h)
  FROM (SELECT t.unit_id, t.n, l.h, sum(l.load) AS load, count(*) AS days, count(*) * min(t.now_around) - sum(t.around) AS shift
        FROM taken t CROSS JOIN LATERAL unnest(t.loads) WITH ORDINALITY AS l (load, h) GROUP BY t.unit_id, t.n, l.h) y JOIN bench.baseline_day d USING (n)
  GROUP BY y.unit_id, d.starts_at
$$;
CREATE PROCEDURE bench.event_by_function() LANGUAGE sql AS $$
  INSERT INTO bench.baseline_answer
  SELECT 'function', unit_id, day::timestamp AT TIME ZONE 'UTC', baseline
  FROM baselines('SELECT unit_id, starts_at, kwh FROM bench.baseline_reading ORDER BY unit_id', 'SELECT day, starts_at, ends_at, day_type, sample, chosen, excluded FROM bench.baseline_day',
                 'SELECT u, day, starts_at + interval ''16 hours'', starts_at + interval ''19 hours'', true FROM bench.baseline_day, generate_series(1, bench.baseline_units()) u WHERE n > 60',
                 ranking => 'middle', adjustment => 'additive', before_gap_seconds => 3600, before_seconds => 10800)
$$;
CREATE PROCEDURE bench.recent_by_query() LANGUAGE sql AS $$
  INSERT INTO bench.baseline_answer
  SELECT 'query', x.unit_id, d.starts_at, array_agg(round(x.total / x.days, 4)::float8 ORDER BY x.starts_at)
  FROM (SELECT r.unit_id, r.starts_at, t.n, sum(r.kwh) OVER w AS total, count(*) OVER w AS days
        FROM bench.baseline_reading r JOIN bench.baseline_day t ON t.starts_at = date_trunc('day', r.starts_at, 'UTC')
        WINDOW w AS (PARTITION BY r.unit_id, t.day_type, r.starts_at - t.starts_at ORDER BY t.n ROWS BETWEEN 10 PRECEDING AND 1 PRECEDING)) x JOIN bench.baseline_day d USING (n)
  WHERE x.n > 60 GROUP BY x.unit_id, d.starts_at
$$;
CREATE PROCEDURE bench.recent_by_function() LANGUAGE sql AS $$
  INSERT INTO bench.baseline_answer
  SELECT 'function', unit_id, starts_at, baseline
  FROM baselines('SELECT unit_id, starts_at, kwh FROM bench.baseline_reading ORDER BY unit_id', 'SELECT day, starts_at, ends_at, day_type, 10, 10, excluded FROM bench.baseline_day',
                 'SELECT u, day, starts_at, ends_at, true FROM bench.baseline_day, generate_series(1, bench.baseline_units()) u WHERE n > 60')
$$;
-- the answers of the last round are the same, and nothing was said by one alone; run by test/bin/bench.sh
CREATE FUNCTION bench.check_baselines() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
  different bigint;
BEGIN
  SELECT count(*), count(*) FILTER (WHERE f.kwh IS DISTINCT FROM q.kwh) INTO n, different
  FROM (SELECT * FROM bench.baseline_answer WHERE who = 'function') f FULL JOIN (SELECT * FROM bench.baseline_answer WHERE who = 'query') q USING (unit_id, starts_at);
  IF n = 0 OR different > 0 THEN
    RAISE EXCEPTION '% of % baselines differ', different, n;
  END IF;
END $$;
INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim)
SELECT 'baseline' || c, CASE WHEN f THEN 'baselines()' ELSE 'window query' END, f, CASE WHEN f THEN 'SET work_mem = ''256MB''; CALL bench.fill_baselines(); TRUNCATE bench.baseline_answer' ELSE 'SELECT' END,
       format('CALL bench.%s_by_%s()', coalesce(nullif(substr(c, 2), ''), 'baseline'), CASE WHEN f THEN 'function' ELSE 'query' END), CASE WHEN NOT f THEN 0.1 END
FROM unnest('{"",_event,_recent}'::text[]) WITH ORDINALITY AS x (c, n), (VALUES (true), (false)) AS v (f) ORDER BY x.n, NOT f;
