-- Baselines: the arithmetic, against cases worked by hand and against SQL that shares nothing with it.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = flexexchange, public;

-- ten days of one half-hour, 17:00, then the day of the event; whole days are flat, but for that half-hour
CREATE TABLE public.meter (unit_id bigint, starts_at timestamptz, kwh numeric);
CREATE TABLE public.calendar (day date, starts_at timestamptz, ends_at timestamptz, day_type integer, sample integer, chosen integer, excluded text);
CREATE TABLE public.event (unit_id bigint, day date, starts_at timestamptz, ends_at timestamptz, adjust boolean);
INSERT INTO public.calendar SELECT d, d, d + interval '1 day', 1, 10, 10, NULL FROM generate_series('2026-01-01'::timestamptz, '2026-01-11', '1 day') d;
INSERT INTO public.event VALUES (1, '2026-01-11', '2026-01-11T17:00Z', '2026-01-11T17:30Z', true);
CREATE FUNCTION public.flat(level numeric) RETURNS void LANGUAGE sql AS $$
  TRUNCATE public.meter; INSERT INTO public.meter SELECT 1, s, level FROM generate_series('2026-01-01T00:00Z'::timestamptz, '2026-01-11T23:30Z', '30 minutes') s $$;
CREATE FUNCTION public.days_at_17(loads numeric[]) RETURNS void LANGUAGE sql AS $$
  UPDATE public.meter SET kwh = loads[n] FROM generate_subscripts(loads, 1) n WHERE starts_at = '2026-01-01T17:00Z'::timestamptz + (n - 1) * interval '1 day' $$;
\set queries '''SELECT unit_id, starts_at, kwh FROM public.meter ORDER BY unit_id'', ''SELECT * FROM public.calendar'', ''SELECT * FROM public.event'''
SELECT public.flat(5), public.days_at_17('{10,12,11,13,9,10,12,11,10,12}') \g /dev/null

-- field sheet "Baselines and verification", 4: ten loads have mean 11, high 5 of 10 is 12, mid 8 of 10 is 11
SELECT status, baseline FROM baselines(:queries);
-- the same, 4, delivery: a baseline of 11.0 less 8.0 metered is a turn-down of 3.0, less 12.0 metered -1.0
SELECT metered, baseline[1]::numeric - metered AS turn_down FROM baselines(:queries), (VALUES (8.0), (12.0)) v (metered);
UPDATE public.calendar SET chosen = 5;
SELECT baseline, (SELECT array_agg(to_char(d, 'DD') || ' ' || v ORDER BY d) FROM unnest(considered, verdict) AS x (d, v)) AS why FROM baselines(:queries, ranking => 'highest');
UPDATE public.calendar SET chosen = 8;
SELECT baseline, (SELECT array_agg(to_char(d, 'DD') || ' ' || v ORDER BY d) FROM unnest(considered, verdict) AS x (d, v) WHERE v <> 'chosen') AS why FROM baselines(:queries, ranking => 'middle');
UPDATE public.calendar SET chosen = 5;
SELECT baseline FROM baselines(:queries, ranking => 'lowest');

-- the same, 4: the day is above the profile by 2, 1, 3, 2, 1, 3 in six half-hours: a shift of 2 on every half-hour of the event
UPDATE public.calendar SET chosen = 10;
UPDATE public.event SET ends_at = '2026-01-11T18:30Z';
UPDATE public.meter SET kwh = 5 + ('{2,1,3,2,1,3}'::numeric[])[n] FROM generate_series(1, 6) n WHERE starts_at = '2026-01-11T13:30Z'::timestamptz + n * interval '30 minutes';
SELECT baseline, adjustment_applied, adjustment_measured, limited_by FROM baselines(:queries, adjustment => 'additive', before_seconds => 10800);
-- where it is not due, and before a gap
UPDATE public.event SET adjust = false;
SELECT baseline, adjustment_applied FROM baselines(:queries, adjustment => 'additive', before_seconds => 10800);
UPDATE public.event SET adjust = true;
SELECT baseline, adjustment_applied FROM baselines(:queries, adjustment => 'additive', before_gap_seconds => 3600, before_seconds => 7200);

-- the same, 4: a ratio of 1.35 is capped to 1.20 by 20 %, one of 0.90 stays
SELECT public.flat(10) \g /dev/null
UPDATE public.meter SET kwh = 13.5 WHERE starts_at BETWEEN '2026-01-11T15:00Z' AND '2026-01-11T16:30Z';
SELECT baseline, adjustment_applied, adjustment_measured, limited_by FROM baselines(:queries, adjustment => 'scalar', before_seconds => 7200, cap => 0.2);
UPDATE public.meter SET kwh = 9 WHERE starts_at BETWEEN '2026-01-11T15:00Z' AND '2026-01-11T16:30Z';
SELECT baseline, adjustment_applied, adjustment_measured, limited_by FROM baselines(:queries, adjustment => 'scalar', before_seconds => 7200, cap => 0.2);
-- a shift is capped by the same share of the profile
SELECT baseline, adjustment_applied, adjustment_measured, limited_by FROM baselines(:queries, adjustment => 'additive', before_seconds => 7200, cap => 0.05);

-- the same, 3, agreement of the United States: upwards only, profile 500, event day 600 gives +100, event day 400 gives 0
SELECT public.flat(500) \g /dev/null
UPDATE public.meter SET kwh = 600 WHERE starts_at BETWEEN '2026-01-11T15:00Z' AND '2026-01-11T16:30Z';
SELECT baseline, adjustment_applied, adjustment_measured, limited_by FROM baselines(:queries, adjustment => 'additive', before_seconds => 7200, direction => 'up');
UPDATE public.meter SET kwh = 400 WHERE starts_at BETWEEN '2026-01-11T15:00Z' AND '2026-01-11T16:30Z';
SELECT baseline, adjustment_applied, adjustment_measured, limited_by FROM baselines(:queries, adjustment => 'additive', before_seconds => 7200, direction => 'up');

-- the same, 3 and 4, ISO-NE: B(t) = 0.9 B(t-1) + 0.1 meter, from 100 with 120 three times: 102, 103.8, 105.42
SELECT public.flat(120), public.days_at_17('{120,120,120,120,120,120,100}') \g /dev/null
UPDATE public.event SET ends_at = '2026-01-11T17:30Z';
UPDATE public.calendar SET sample = n, chosen = n FROM (VALUES (4)) v (n);
SELECT baseline FROM baselines(:queries, smoothing => 0.1);
UPDATE public.event SET day = '2026-01-10', starts_at = '2026-01-10T17:00Z', ends_at = '2026-01-10T17:30Z';
UPDATE public.calendar SET sample = n, chosen = n FROM (VALUES (3)) v (n);
SELECT baseline FROM baselines(:queries, smoothing => 0.1);

-- the same, 4: a constant load is its own baseline, and the factor is 1, by every method
SELECT public.flat(7.5) \g /dev/null
UPDATE public.event SET day = '2026-01-11', starts_at = '2026-01-11T17:00Z', ends_at = '2026-01-11T18:00Z';
UPDATE public.calendar SET sample = 10, chosen = 4;
SELECT DISTINCT b.baseline, b.adjustment_applied, b.limited_by, count(*) FROM unnest('{recent,highest,lowest,middle}'::text[]) r, unnest('{event,day}'::text[]) o, unnest('{none,additive,scalar}'::text[]) a, unnest(ARRAY[NULL, '{50,30,20,10}']::text[]) w,
  LATERAL baselines(:queries, ranking => r, ranked_over => o, weights => w::integer[], adjustment => a, before_seconds => 7200, after_seconds => 3600, cap => 0.2) b GROUP BY 1, 2, 3 ORDER BY 2 NULLS FIRST;
-- the meter before the event, after it, and around it
UPDATE public.meter SET kwh = 8 WHERE starts_at >= '2026-01-11T18:00Z';
SELECT b.status, b.baseline FROM (VALUES (1800, 0), (0, 1800), (1800, 1800)) v (before, after), LATERAL baselines(:queries, kind => 'meter', before_seconds => before, after_seconds => after) b;

-- weights of the ranking: 50, 30 and 20 of 13, 12 and 12
SELECT public.flat(5), public.days_at_17('{10,12,11,13,9,10,12,11,10,12}') \g /dev/null
UPDATE public.event SET ends_at = '2026-01-11T17:30Z';
UPDATE public.calendar SET chosen = 3;
SELECT baseline FROM baselines(:queries, ranking => 'highest', weights => '{50,30,20}');

-- which days count: not those of another type, excluded, of an event or with a gap, until there are enough
UPDATE public.calendar SET sample = 4, chosen = 4;
UPDATE public.calendar SET day_type = 2 WHERE day IN ('2026-01-03', '2026-01-04', '2026-01-10');
UPDATE public.calendar SET excluded = 'holiday' WHERE day = '2026-01-09';
DELETE FROM public.meter WHERE starts_at IN ('2026-01-08T02:00Z');
CREATE TABLE public.event_day (unit_id bigint, day date);
INSERT INTO public.event_day VALUES (1, '2026-01-06'), (2, '2026-01-05'), (1, '2026-01-07');
SELECT status, baseline, x.d, x.v FROM baselines(:queries, 'SELECT * FROM public.event_day') b, unnest(b.considered, b.verdict) WITH ORDINALITY AS x (d, v, n) ORDER BY n;
-- days with a gap elsewhere count where so much is asked; event days where there are no others, the last first
SELECT status, baseline, verdict FROM baselines(:queries, 'SELECT * FROM public.event_day', completeness => 0.9);
SELECT status, baseline, verdict FROM baselines(:queries, 'SELECT * FROM public.event_day', event_day_fallback => true);
SELECT status, baseline FROM baselines(:queries, 'SELECT * FROM public.event_day', look_back_days => 5);
SELECT status, baseline FROM baselines(:queries, 'SELECT * FROM public.event_day', minimum_days => 4);
-- no readings of the window of adjustment, or nothing in it to scale; and of a unit nobody has heard of
DELETE FROM public.meter WHERE starts_at = '2026-01-11T16:30Z';
SELECT baseline, adjustment_applied, limited_by FROM baselines(:queries, adjustment => 'additive', before_seconds => 3600);
UPDATE public.meter SET kwh = 0 WHERE starts_at::time = '16:00' AND starts_at < '2026-01-11';
SELECT baseline, adjustment_applied, limited_by FROM baselines(:queries, adjustment => 'scalar', before_gap_seconds => 1800, before_seconds => 1800);
INSERT INTO public.event VALUES (0, '2026-01-11', '2026-01-11T17:00Z', '2026-01-11T17:30Z', true), (3, '2026-01-11', '2026-01-11T17:00Z', '2026-01-11T17:30Z', true);
SELECT unit_id, status, baseline FROM baselines(:queries) ORDER BY unit_id;
DELETE FROM public.event WHERE unit_id <> 1;

-- ------------------------------------------------------------------ random meters, against SQL

-- five units over the night when clocks change, with gaps, holidays, event days and events of all lengths
TRUNCATE public.meter, public.calendar, public.event, public.event_day;
INSERT INTO public.calendar
SELECT d, d::timestamp AT TIME ZONE 'Europe/London', (d + 1)::timestamp AT TIME ZONE 'Europe/London', CASE WHEN extract(isodow FROM d) < 6 THEN 1 ELSE 2 END, CASE WHEN extract(isodow FROM d) < 6 THEN 10 ELSE 4 END, 1,
       CASE WHEN hashint8extended(d - '2026-01-01', 11) & 15 = 0 THEN 'holiday' END
FROM (SELECT '2026-01-20'::date + n AS d FROM generate_series(0, 90) n) x;
INSERT INTO public.meter
SELECT u, s, ((hashint8extended(u * 1000000 + extract(epoch FROM s)::bigint / 1800, 12) & 65535) * (hashint8extended(u, 13) & 31) / 10000.0)::numeric(14,4) - CASE WHEN u = 4 THEN 50 ELSE 0 END
FROM generate_series(1, 5) u, generate_series('2026-01-20T00:00Z'::timestamptz, '2026-04-20T22:30Z', '30 minutes') s
WHERE hashint8extended(u * 1000000 + extract(epoch FROM s)::bigint / 1800, 14) & 255 > 0;
INSERT INTO public.event_day SELECT u, day FROM public.calendar, generate_series(1, 5) u WHERE hashint8extended(u * 1000 + (day - '2026-01-01'), 15) & 7 = 0;
INSERT INTO public.event
SELECT u, day, s, s + (1 + (hashint8extended(u * 1000 + (day - '2026-01-01'), 17) & 7)) * interval '30 minutes', hashint8extended(u * 1000 + (day - '2026-01-01'), 18) & 3 > 0
FROM public.calendar c, generate_series(1, 5) u, LATERAL (SELECT (day + time '06:00' + (hashint8extended(u * 1000 + (day - '2026-01-01'), 16) & 15) * interval '30 minutes') AT TIME ZONE 'Europe/London') AS x (s)
WHERE day BETWEEN '2026-02-01' AND '2026-04-19';
CREATE TABLE public.way (n integer, chosen integer, look_back_days integer, event_day_fallback boolean, minimum_days integer, completeness float8, ranking text, ranked_over text, weights integer[], smoothing float8,
                         adjustment text, before_gap integer, before integer, after_gap integer, after integer, direction text, cap float8);
INSERT INTO public.way
SELECT n, 1 + (h >> 1 & 7) % 4, 20 + (h >> 4 & 31), h >> 9 & 1 = 0, 1 + (h >> 10 & 1), CASE WHEN h >> 11 & 1 = 0 THEN 1 ELSE 0.9 END, CASE WHEN smoothed THEN 'recent' ELSE ('{recent,highest,lowest,middle}'::text[])[1 + (h >> 12 & 3)] END,
       ('{event,day}'::text[])[1 + (h >> 14 & 1)], CASE WHEN NOT smoothed AND h >> 15 & 3 = 0 THEN '{50,30,15,5}'::integer[] END, CASE WHEN smoothed THEN 0.125 END,
       ('{none,additive,scalar}'::text[])[1 + (h >> 17 & 7) % 3], h >> 20 & 1, 1 + (h >> 21 & 3), h >> 23 & 1, h >> 24 & 3, ('{both,both,up,down}'::text[])[1 + (h >> 26 & 3)], CASE WHEN h >> 28 & 1 = 0 THEN 0.05 END
FROM generate_series(1, 60) n, LATERAL (SELECT hashint8extended(n, 19) & 1099511627775, n % 6 = 0) AS x (h, smoothed);

-- the oracle: local times, numeric, one division at the end
CREATE FUNCTION public.slow(w public.way, e public.event, OUT status text, OUT baseline numeric[], OUT applied numeric, OUT limited_by text) LANGUAGE plpgsql AS $$
DECLARE
  c public.calendar;
  today public.calendar;
  steps integer := extract(epoch FROM e.ends_at - e.starts_at) / 1800;
  adjusts boolean := e.adjust AND w.adjustment <> 'none';
  usable date[] := '{}';
  spare date[] := '{}';
  chosen date[];
  weight numeric[];
  total numeric;
  profile numeric[];
  around integer[];
  was numeric;
  is_now numeric;
  change numeric;
  most numeric;
  level numeric;
BEGIN
  SELECT * INTO today FROM public.calendar k WHERE k.day = e.day;
  around := ARRAY(SELECT -w.before_gap - i FROM generate_series(1, w.before) i) || ARRAY(SELECT steps - 1 + w.after_gap + i FROM generate_series(1, w.after) i);
  FOR c IN SELECT * FROM public.calendar k WHERE k.day < e.day AND k.day >= e.day - w.look_back_days ORDER BY k.day DESC LOOP
    CONTINUE WHEN c.excluded IS NOT NULL OR c.day_type <> today.day_type;
    CONTINUE WHEN (SELECT count(*) FROM public.meter m WHERE m.unit_id = e.unit_id AND m.starts_at >= c.starts_at AND m.starts_at < c.ends_at) < w.completeness * extract(epoch FROM c.ends_at - c.starts_at) / 1800;
    CONTINUE WHEN EXISTS (SELECT FROM generate_series(0, steps - 1) p WHERE public.at_step(e, c.day, p) IS NULL) OR adjusts AND EXISTS (SELECT FROM unnest(around) p WHERE public.at_step(e, c.day, p) IS NULL);
    IF EXISTS (SELECT FROM public.event_day x WHERE x.unit_id = e.unit_id AND x.day = c.day) THEN
      spare := spare || c.day;
    ELSE
      usable := usable || c.day;
    END IF;
    EXIT WHEN cardinality(usable) = today.sample;
  END LOOP;
  status := CASE WHEN cardinality(usable) = today.sample THEN 'complete' WHEN w.event_day_fallback AND cardinality(usable || spare) >= today.sample THEN 'fallback' ELSE 'short' END;
  IF w.event_day_fallback THEN
    usable := usable || spare[1:today.sample - cardinality(usable)];
  END IF;
  IF cardinality(usable) < w.minimum_days OR cardinality(usable) = 0 THEN
    status := 'insufficient';
    RETURN;
  END IF;
  SELECT array_agg(x.day ORDER BY CASE w.ranking WHEN 'recent' THEN NULL ELSE x.place END, x.day DESC) INTO chosen
  FROM (SELECT d AS day, row_number() OVER (ORDER BY energy DESC, d DESC) AS place, o, count(*) OVER () AS n
        FROM unnest(usable) WITH ORDINALITY AS u (d, o), LATERAL (
          SELECT CASE w.ranked_over WHEN 'event' THEN (SELECT sum(public.at_step(e, d, p)) FROM generate_series(0, steps - 1) p)
                      ELSE (SELECT sum(m.kwh) FROM public.meter m JOIN public.calendar k ON m.starts_at >= k.starts_at AND m.starts_at < k.ends_at WHERE m.unit_id = e.unit_id AND k.day = d) END) AS y (energy)) x
  WHERE CASE w.ranking WHEN 'recent' THEN x.o <= w.chosen WHEN 'highest' THEN x.place <= w.chosen WHEN 'lowest' THEN x.place > x.n - w.chosen
             ELSE x.place > ceil(greatest(x.n - w.chosen, 0) / 2.0) AND x.place <= ceil(greatest(x.n - w.chosen, 0) / 2.0) + w.chosen END;
  weight := CASE WHEN w.weights IS NULL THEN array_fill(1::numeric, ARRAY[cardinality(chosen)]) ELSE w.weights[1:cardinality(chosen)] END;
  total := (SELECT sum(x) FROM unnest(weight) x);
  IF w.smoothing IS NULL THEN
    profile := ARRAY(SELECT sum(weight[o] * public.at_step(e, d, p)) FROM generate_series(0, steps - 1) p, unnest(chosen) WITH ORDINALITY AS x (d, o) GROUP BY p ORDER BY p);
    was := (SELECT sum(weight[o] * public.at_step(e, d, p)) FROM unnest(around) p, unnest(chosen) WITH ORDINALITY AS x (d, o));
  ELSE
    total := 1;
    FOR p IN 0 .. steps - 1 LOOP
      level := public.smoothed(e, chosen, p, w.smoothing::numeric);
      profile[p + 1] := level;
    END LOOP;
    was := (SELECT sum(public.smoothed(e, chosen, p, w.smoothing::numeric)) FROM unnest(around) p);
  END IF;
  baseline := ARRAY(SELECT round(x / total, 4) FROM unnest(profile) WITH ORDINALITY AS y (x, o) ORDER BY o);
  IF NOT adjusts THEN
    RETURN;
  END IF;
  SELECT sum(public.at_step(e, e.day, p)) INTO is_now FROM unnest(around) p HAVING count(public.at_step(e, e.day, p)) = cardinality(around);
  IF is_now IS NULL THEN
    limited_by := 'missing';
    RETURN;
  ELSIF w.adjustment = 'scalar' AND was <= 0 THEN
    limited_by := 'nothing';
    RETURN;
  END IF;
  -- the change as energy of the windows, times the weights
  change := is_now * total - was;
  most := abs(was) * w.cap::numeric;
  IF w.direction = 'up' AND change < 0 OR w.direction = 'down' AND change > 0 THEN
    limited_by := 'direction';
    change := 0;
  ELSIF abs(change) > most THEN
    limited_by := 'cap';
    change := sign(change) * most;
  END IF;
  IF w.adjustment = 'additive' THEN
    applied := round(change / (total * cardinality(around)), 4);
    baseline := ARRAY(SELECT round((x * cardinality(around) + change) / (total * cardinality(around)), 4) FROM unnest(profile) WITH ORDINALITY AS y (x, o) ORDER BY o);
  ELSE
    applied := round((was + change) / was, 6);
    baseline := ARRAY(SELECT round(x * (was + change) / (was * total), 4) FROM unnest(profile) WITH ORDINALITY AS y (x, o) ORDER BY o);
  END IF;
END $$;
-- the reading of a day at the local time of a step of an event, which counts from its first and goes back below zero
CREATE FUNCTION public.at_step(e public.event, day date, p integer) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT m.kwh FROM public.meter m WHERE m.unit_id = e.unit_id AND m.starts_at = ((e.starts_at AT TIME ZONE 'Europe/London') + (at_step.day - e.day) * interval '1 day') AT TIME ZONE 'Europe/London' + p * interval '30 minutes' $$;
CREATE FUNCTION public.smoothed(e public.event, days date[], p integer, share numeric) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
  level numeric;
  d date;
BEGIN
  FOR d IN SELECT x FROM unnest(days) x ORDER BY x LOOP
    level := CASE WHEN level IS NULL THEN public.at_step(e, d, p) ELSE round((1 - share) * level + share * public.at_step(e, d, p), 4) END;
  END LOOP;
  RETURN level;
END $$;
CREATE INDEX ON public.meter (unit_id, starts_at);
ANALYZE public.meter;
CREATE TABLE public.compared AS
SELECT w.n, b.unit_id, b.day, b.status, s.status AS slow_status, b.baseline, s.baseline AS slow_baseline, b.adjustment_applied, s.applied AS slow_applied, b.limited_by, s.limited_by AS slow_limit
FROM public.way w, LATERAL baselines('SELECT unit_id, starts_at, kwh FROM public.meter ORDER BY unit_id, kwh', format('SELECT day, starts_at, ends_at, day_type, sample, %s, excluded FROM public.calendar', w.chosen),
  'SELECT * FROM public.event', 'SELECT * FROM public.event_day', look_back_days => w.look_back_days, event_day_fallback => w.event_day_fallback, minimum_days => w.minimum_days, completeness => w.completeness,
  ranking => w.ranking, ranked_over => w.ranked_over, weights => w.weights, smoothing => w.smoothing, adjustment => w.adjustment, before_gap_seconds => w.before_gap * 1800, before_seconds => w.before * 1800,
  after_gap_seconds => w.after_gap * 1800, after_seconds => w.after * 1800, direction => w.direction, cap => w.cap) b
JOIN public.event e USING (unit_id, day), LATERAL public.slow(w, e) s
WHERE hashint8extended(w.n * 100000 + b.unit_id * 1000 + (b.day - '2026-01-01'), 20) & 15 = 0;
-- many of each, and none that differs
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE adjustment_applied IS NOT NULL) > 300 AS adjusted, count(DISTINCT status) AS statuses, count(DISTINCT limited_by) AS limits FROM public.compared;
SELECT * FROM public.compared WHERE (status, baseline::numeric[], adjustment_applied::numeric, limited_by) IS DISTINCT FROM (slow_status, slow_baseline, slow_applied, slow_limit) ORDER BY n, unit_id, day LIMIT 5;

-- ------------------------------------------------------------------ what is refused

UPDATE public.event SET starts_at = '2026-02-01T17:00Z', ends_at = '2026-02-01T17:30Z', day = '2026-02-01' WHERE unit_id = 1;
DELETE FROM public.event WHERE unit_id <> 1;
SELECT * FROM baselines(NULL, 'SELECT', 'SELECT');
SELECT * FROM baselines(:queries, kind => NULL);
SELECT * FROM baselines(:queries, kind => 'guess');
SELECT * FROM baselines(:queries, ranking => 'best');
SELECT * FROM baselines(:queries, step_seconds => 7);
SELECT * FROM baselines(:queries, look_back_days => 400);
SELECT * FROM baselines(:queries, cap => 0.12345);
SELECT * FROM baselines(:queries, weights => '{0}');
SELECT * FROM baselines(:queries, weights => '{1}', smoothing => 0.1);
SELECT * FROM baselines(:queries, adjustment => 'scalar');
SELECT * FROM baselines(:queries, adjustment => 'scalar', before_seconds => 1000);
SELECT * FROM baselines(:queries, kind => 'meter', adjustment => 'scalar', before_seconds => 1800);
SELECT * FROM baselines('SELECT 1', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT 1, now(), 1', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('DELETE FROM public.meter', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT unit_id, starts_at, NULL::numeric FROM public.meter', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT 1::bigint, ''2026-02-01T00:10Z''::timestamptz, 1.0', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT 1::bigint, ''2026-02-01T00:00Z''::timestamptz, n FROM (VALUES (1.0), (1), (2)) v (n)', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT 1::bigint, ''2026-02-01T00:00Z''::timestamptz, ''NaN''::numeric', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT n, ''2026-02-01T00:00Z''::timestamptz, 1.0 FROM unnest(''{1,2,1}''::bigint[]) n', 'SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT * FROM public.calendar WHERE false', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT * FROM public.calendar UNION ALL SELECT * FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT day, starts_at, ends_at, day_type, 0, chosen, excluded FROM public.calendar', 'SELECT * FROM public.event');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT * FROM public.calendar', 'SELECT 1::bigint, ''2030-01-01''::date, now(), now(), true');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT * FROM public.calendar', 'SELECT unit_id, day + 1, starts_at, ends_at, true FROM public.event');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT * FROM public.calendar', 'SELECT unit_id, day, starts_at, starts_at + interval ''2 days'', true FROM public.event');
SELECT * FROM baselines('SELECT * FROM public.meter', 'SELECT * FROM public.calendar', 'SELECT unit_id, day, starts_at + interval ''1 minute'', ends_at, true FROM public.event');
-- numbers of every form are read as they are
SELECT count(*), count(*) FILTER (WHERE b.baseline[1]::numeric = round(k, 4)) AS same
FROM (SELECT round((hashint8extended(n, 21) & 4294967295) * power(10::numeric, n % 8 - 9), n % 7) * CASE WHEN n % 3 = 0 THEN -1 ELSE 1 END AS k FROM generate_series(1, 500) n UNION ALL SELECT unnest('{0,0.0000,10000,-100000000,100000000,1,0.00005,0.00004,99999999.9999}'::numeric[])) x,
LATERAL baselines(format('SELECT 1::bigint, ''2026-02-01T16:30Z''::timestamptz, %s::numeric', k), 'SELECT * FROM public.calendar', 'SELECT * FROM public.event LIMIT 1', kind => 'meter', before_seconds => 1800) b;
DROP TABLE public.meter, public.calendar, public.event, public.event_day, public.way, public.compared CASCADE;
DROP FUNCTION public.flat, public.days_at_17;
