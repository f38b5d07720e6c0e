-- The drawing kit: ticks, text, and what each form draws.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = flexexchange, public;
CREATE FUNCTION pg_temp.fails(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN 'no error'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;

-- ticks of numbers
SELECT low, high, about, number_ticks(low, high, about) FROM (VALUES
  (0, 37, 5), (0, 37, 2), (-120, 430, 5), (0.0012, 0.0049, 5), (0, 0, 5), (5, 5, 5), (-3, -3, 5), (0, 1234567, 4), (99, 101, 4), (-0.5, 0, 3), (0, 1e13, 3)) AS t (low, high, about);
SELECT pg_temp.fails($$SELECT number_ticks('NaN', 1)$$), pg_temp.fails($$SELECT number_ticks(0, 'Infinity')$$), pg_temp.fails($$SELECT number_ticks(2, 1)$$), pg_temp.fails($$SELECT number_ticks(0, 1, 0)$$);
-- whatever the span: a tick at or below the low end, one at or above the high end, equal steps, not many more than asked for
SELECT count(*) AS axes, count(*) FILTER (WHERE t[1] <= low AND t[cardinality(t)] >= high AND cardinality(t) BETWEEN 2 AND 2 * about + 2
    AND NOT EXISTS (SELECT FROM generate_series(2, cardinality(t) - 1) i WHERE t[i + 1] - t[i] <> t[2] - t[1])) AS sound
FROM (SELECT low, low + size AS high, about, number_ticks(low, low + size, about) AS t
      FROM (SELECT (hashint8extended(i, 1) % 100000)::numeric / power(10::numeric, i % 7) AS low, (abs(hashint8extended(i, 2) % 100000) + 1)::numeric / power(10::numeric, i % 9) AS size, i % 9 + 1 AS about
            FROM generate_series(1, 2000) i) s) a;

-- ticks of time: the day with 23 hours has no 01:00, that with 25 hours has it twice
SELECT time_ticks('2026-03-29T00:00Z/2026-03-29T23:00Z', 'Europe/London', 8);
SELECT to_char(t AT TIME ZONE 'Europe/London', 'HH24:MI') AS local, t FROM unnest(time_ticks('2026-10-24T23:00Z/2026-10-25T05:00Z', 'Europe/London', 8)) t;
SELECT to_char(t AT TIME ZONE 'Europe/Berlin', 'HH24:MI') AS local, t FROM unnest(time_ticks('2026-03-28T23:00Z/2026-03-29T10:00Z', 'Europe/Berlin', 6)) t;
SELECT span, ARRAY(SELECT to_char(t AT TIME ZONE 'Europe/London', 'YYYY-MM-DD HH24:MI:SS') FROM unnest(time_ticks(span::time_window, 'Europe/London', 6)) t) AS local
FROM unnest(ARRAY['2026-07-01T12:00Z/PT5S', '2026-07-01T12:00Z/PT20M', '2026-07-01T00:00Z/PT7H', '2026-07-01T00:00Z/P4D', '2026-07-01T00:00Z/P5W', '2026-01-01T00:00Z/P1Y', '2023-02-01T00:00Z/P7Y', '1950-01-01T00:00Z/P90Y']) span;
SELECT max(cardinality(time_ticks(time_window(s, s + len), zone, about))) FILTER (WHERE about = 6) AS most_of_six, count(*) AS axes,
       count(*) FILTER (WHERE EXISTS (SELECT FROM unnest(time_ticks(time_window(s, s + len), zone, about)) t WHERE t < s OR t > s + len)) AS outside
FROM (SELECT timestamptz '2024-01-01' + i * interval '53 hours 7 minutes' AS s, (abs(hashint8extended(i, 5)) % 900 + 1) * (ARRAY[interval '1 minute', interval '1 hour', interval '1 day', interval '1 month'])[i % 4 + 1] AS len,
             (ARRAY['Europe/London', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Cairo'])[i % 3 + 1] AS zone, (ARRAY[6, 3, 12])[i % 3 + 1] AS about FROM generate_series(1, 400) i) r;
SELECT pg_temp.fails($$SELECT time_ticks('2026-01-01Z/infinity', 'UTC')$$), left(pg_temp.fails($$SELECT time_ticks('2026-01-01Z/P1D', 'Middle/Earth')$$), 5) AS zone;

-- pieces of a window in local periods: months of their hours, half hours, what lies outside the span is left out
SELECT lower(period), upper(period), hours FROM window_pieces('2026-02-20T00:00Z/2026-05-01T00:00Z', '2026-03-01T00:00Z/2026-06-01T00:00Z', 'month', 'Europe/London');
SELECT period, hours FROM window_pieces('2026-03-29T00:40Z/PT1H', '2026-03-29T00:00Z/P1D', 'half hour', 'Europe/London');
SELECT period, hours FROM window_pieces('-infinity/infinity', '2026-03-29T00:00Z/P1D', 'day', 'Europe/London');
SELECT count(*) FROM window_pieces('2026-03-29T00:00Z/PT1H', '2026-04-29T00:00Z/P1D', 'day', 'Europe/London');
SELECT count(*) FROM window_pieces('2026-03-29T00:00Z/infinity', '-infinity/infinity', 'day', 'Europe/London');
-- cut however, the hours are those of the window
SELECT r AS resolution, round(sum(w.hours), 6) AS hours FROM unnest(ARRAY['half hour', 'hour', 'day', 'week', 'month', 'quarter', 'year']) WITH ORDINALITY AS u (r, n), window_pieces('2024-03-30T22:20Z/P400DT7H', '2024-01-01/2026-01-01', r, 'Europe/London') w GROUP BY r, n ORDER BY n;

-- text
SELECT chart_text(E'<script>alert("x")</script> & \x01\x02\t\n ''q'''), chart_text('  a   b  '), chart_text(repeat('ab ', 50), 12), chart_text(''), chart_text(NULL);
SELECT chart_number(v) AS free, chart_number(v, 1) AS one FROM unnest(ARRAY[1234567.891, -1234.5, 0.000123456, 12.345, 0, 999.96, 100, -0.44, 'NaN', NULL, 1e15, 0.05]::numeric[]) v;
SELECT chart_fit('a long name that does not fit', 12, 80), chart_fit('short', 12, 80), chart_fit('&&&&&&&&&&', 12, 40), chart_fit('x', 12, 1), chart_lines('a title of quite a number of words that needs lines', 16, 160, 3);

-- ---------------------------------------------------------------- forms
-- what is in a picture: elements, and only those of the kit, without handlers, links or anything to load
CREATE FUNCTION pg_temp.nodes(svg text, path text) RETURNS xml[] LANGUAGE sql AS $$ SELECT xpath(path, xmlparse(document svg), ARRAY[ARRAY['s', 'http://www.w3.org/2000/svg']]) $$;
CREATE FUNCTION pg_temp.shape(svg text) RETURNS text LANGUAGE sql AS $$
  SELECT format('marks %s, texts %s, desc: %s', cardinality(pg_temp.nodes(svg, '//s:path[s:title]')), cardinality(pg_temp.nodes(svg, '//s:text')), (pg_temp.nodes(svg, '/s:svg/s:desc/text()'))[1]) $$;
CREATE FUNCTION pg_temp.faults(svg text) RETURNS text LANGUAGE sql AS $$
  SELECT nullif(concat_ws('; ',
    (SELECT 'element ' || string_agg(DISTINCT m[1], ', ') FROM regexp_matches(svg, '<([A-Za-z!?]+)', 'g') m WHERE m[1] NOT IN ('svg', 'title', 'desc', 'style', 'defs', 'pattern', 'path', 'circle', 'text', 'g')),
    CASE WHEN cardinality(pg_temp.nodes(svg, '//@*[starts-with(local-name(), "on") or local-name() = "href" or local-name() = "src"]')) > 0 THEN 'handler or link' END,
    CASE WHEN svg ~ 'url\((?!#)' OR svg ~* '="[^"]*(javascript:|data:)' OR svg ~ '@(import|font)' THEN 'something to load' END,
    CASE WHEN cardinality(pg_temp.nodes(svg, '/s:svg[@role="img" and @viewBox and s:title and s:desc and contains(@aria-labelledby, s:title/@id) and contains(@aria-labelledby, s:desc/@id)]')) <> 1 THEN 'no text alternative' END,
    (SELECT 'not a number' FROM regexp_matches(svg, ' (?:d|x|y)="[^"]*(NaN|Inf|[0-9]e)', 'i') LIMIT 1),
    CASE WHEN length(svg) > 200000 THEN 'long: ' || length(svg) END), '') $$;

-- columns: two series on top of one another, a negative amount, a line; amounts outside the window or of no number are left out
SELECT chart_columns('Volumes', 'MWh a day', 'MWh', '2026-01-01T00:00Z/P3D', 'UTC',
  ARRAY['2026-01-01T00:00Z/P1D', '2026-01-01T00:00Z/P1D', '2026-01-02T00:00Z/P1D', '2026-01-03T00:00Z/P1D', '2026-02-03T00:00Z/P1D', '2026-01-03T00:00Z/P1D']::time_window[],
  ARRAY['a', 'b', 'a', 'b', 'a', 'a'], ARRAY[10, 20, 40, -20, 1000, 'NaN']::numeric[],
  'need', ARRAY['2026-01-01T00:00Z/P1D', '2026-01-02T00:00Z/P1D']::time_window[], ARRAY[25, 30]::numeric[]) AS svg \gset
SELECT pg_temp.shape(:'svg'), pg_temp.faults(:'svg');
-- 240 units of height for -20 to 40: 4 a unit; the stack of the first day is 10 upon 20, and ends at the line of 30
SELECT (xpath('/*/@d', p))[1]::text AS d, (xpath('/*/*/text()', p))[1]::text AS tip FROM unnest(pg_temp.nodes(:'svg', '//s:path[s:title]')) p;
SELECT (xpath('/*/@d', p))[1]::text AS line FROM unnest(pg_temp.nodes(:'svg', '//s:path[@class="n s9"]')) p LIMIT 1 OFFSET 1;
SELECT t::text FROM unnest(pg_temp.nodes(:'svg', '//s:text[@text-anchor="end"]/text()')) t;
-- nine series: six and the others
SELECT pg_temp.shape(chart_columns('Many', '', 'MW', '2026-01-01T00:00Z/P1D', 'UTC', array_agg(time_window('2026-01-01T00:00Z', '2026-01-02T00:00Z')), array_agg('s' || i), array_agg(i::numeric))) FROM generate_series(1, 9) i;
SELECT pg_temp.shape(chart_columns('One point', '', 'MW', '2026-01-01T00:00Z/P1D', 'UTC', ARRAY['2026-01-01T12:00Z/PT30M']::time_window[], ARRAY['a'], ARRAY[5]));
SELECT pg_temp.shape(chart_columns('Zero', '', 'MW', '2026-01-01T00:00Z/P1D', 'UTC', ARRAY['2026-01-01T12:00Z/PT30M']::time_window[], ARRAY['a'], ARRAY[0]));
SELECT pg_temp.shape(chart_columns('Nothing', '', 'MW', '2026-01-01T00:00Z/P1D', 'UTC', NULL, NULL, NULL));
SELECT pg_temp.shape(chart_columns('A line alone', '', 'MW', '2026-01-01T00:00Z/P1D', 'UTC', NULL, NULL, NULL, 'forecast', ARRAY['2026-01-01T12:00Z/PT30M']::time_window[], ARRAY[5]));

-- steps: a duration curve
SELECT chart_steps('Prices', '', 'MWh', 'GBP/MWh', ARRAY['a', 'a', 'b', 'a', 'c'], ARRAY[10, 30, 20, 0, 'NaN']::numeric[], ARRAY[80, 40, -20, 7, 7]::numeric[]) AS svg \gset
SELECT pg_temp.shape(:'svg'), pg_temp.faults(:'svg');
SELECT (xpath('/*/*/text()', p))[1]::text AS series, (xpath('/*/@d', p))[1]::text AS d FROM unnest(pg_temp.nodes(:'svg', '//s:path[s:title]')) p;
SELECT pg_temp.shape(chart_steps('Nothing', '', 'MWh', 'GBP/MWh', '{}', '{}', '{}'));

-- blocks: a merit order with its need and ceiling
SELECT chart_blocks('Merit order', 'x', 'MW', 'GBP/MWh', ARRAY['lost', 'won', 'won', 'lost'], ARRAY['A', 'B', 'C', 'D'], ARRAY[1, 2, 2, 5], ARRAY[-10, 20, 30, 50], 4.5, 'need 4.5 MW', 45, 'ceiling 45', class_order => ARRAY['won', 'lost']) AS svg \gset
SELECT pg_temp.shape(:'svg'), pg_temp.faults(:'svg');
SELECT (xpath('/*/@class', p))[1]::text IS NOT NULL AS won, (xpath('/*/@d', p))[1]::text AS d, (xpath('/*/*/text()', p))[1]::text AS tip FROM unnest(pg_temp.nodes(:'svg', '//s:path[s:title]')) p;
SELECT pg_temp.shape(chart_blocks('Nothing', '', 'MW', 'GBP/MWh', NULL, NULL, NULL, NULL));

-- bars
SELECT chart_bars('Conflicts', '', 'findings', ARRAY['headroom', 'double', 'double', 'none', 'bad'], ARRAY['blocking', 'blocking', 'advisory', 'blocking', 'blocking'], ARRAY[40, 60, 20, 0, 'Infinity']::numeric[]) AS svg \gset
SELECT pg_temp.shape(:'svg'), pg_temp.faults(:'svg');
SELECT (xpath('/*/*/text()', p))[1]::text AS tip FROM unnest(pg_temp.nodes(:'svg', '//s:path[s:title]')) p;
SELECT pg_temp.shape(chart_bars('Many', '', 'x', array_agg('label ' || i), NULL, array_agg(i::numeric), most => 4)) FROM generate_series(1, 9) i;

-- a timeline: two lanes, bars over one another, a mark
SELECT chart_timeline('Battery', '', '2026-01-15T00:00Z/P1D', 'UTC', ARRAY['response', 'reserve', 'reserve', 'later'],
  ARRAY['2026-01-14T12:00Z/P1D', '2026-01-15T06:00Z/PT6H', '2026-01-15T09:00Z/PT6H', '2026-03-15T09:00Z/PT6H']::time_window[], ARRAY['600 kW up', '500 kW up', '20 kW up', 'x'],
  ARRAY['2026-01-15T06:00Z/PT6H']::time_window[], ARRAY['double commitment']) AS svg \gset
SELECT pg_temp.shape(:'svg'), pg_temp.faults(:'svg');
SELECT (xpath('/*/@d', p))[1]::text AS d, (xpath('/*/*/text()', p))[1]::text AS tip FROM unnest(pg_temp.nodes(:'svg', '//s:path[s:title]')) p;
SELECT pg_temp.shape(chart_timeline('Nothing', '', '2026-01-15T00:00Z/P1D', 'UTC', '{}', '{}', '{}'));

-- windows without an end are drawn as far as the chart goes; what is not said is left out
SELECT pg_temp.shape(svg), pg_temp.faults(svg), (xpath('/*/@d', (pg_temp.nodes(svg, '//s:path[s:title]'))[1]))[1]::text AS first
FROM (VALUES (1, chart_timeline('x', '', '2026-01-15T00:00Z/P1D', 'UTC', ARRAY['a', 'b'], ARRAY['2026-01-15T06:00Z/infinity', '-infinity/infinity']::time_window[], ARRAY['1 kW', NULL], ARRAY['-infinity/infinity']::time_window[], ARRAY['m'])),
             (2, chart_columns('x', '', 'MW', '2026-01-15T00:00Z/P1D', 'UTC', ARRAY['2026-01-15T06:00Z/infinity', '-infinity/infinity']::time_window[], ARRAY['a', 'b'], ARRAY[1, 2])),
             (3, chart_columns(NULL, NULL, NULL, '2026-01-15T00:00Z/P1D', 'UTC', ARRAY['2026-01-15T00:00Z/P1D']::time_window[], ARRAY['a'], ARRAY[1])), (4, chart_steps(NULL, NULL, NULL, NULL, ARRAY['a'], ARRAY[1], ARRAY[1])),
             (5, chart_bars(NULL, NULL, NULL, ARRAY['a'], NULL, ARRAY[1])), (6, chart_blocks(NULL, NULL, NULL, NULL, ARRAY['a'], ARRAY[NULL], ARRAY[1], ARRAY[1], 1, NULL, 1, NULL)),
             (7, chart_timeline(NULL, NULL, '2026-01-15T00:00Z/P1D', 'UTC', ARRAY['a'], ARRAY['2026-01-15T00:00Z/P1D']::time_window[], NULL)), (8, chart_nothing(NULL, NULL))) AS v (n, svg) ORDER BY n;

-- arguments that are no chart
SELECT pg_temp.fails($$SELECT chart_nothing('x', '', 10)$$), pg_temp.fails($$SELECT chart_bars('x', '', '', '{}', '{}', '{}', NULL)$$), pg_temp.fails($$SELECT chart_columns('x', '', '', '2026-01-01Z/infinity', 'UTC', NULL, NULL, NULL)$$),
       pg_temp.fails($$SELECT chart_timeline('x', '', NULL, 'UTC', NULL, NULL, NULL)$$),
       pg_temp.fails($$SELECT chart_columns('x', '', '', '2026-01-01T00:00Z/P1D', 'UTC', array_agg(time_window('2026-01-01T00:00Z'::timestamptz + i * interval '1 minute', '2026-01-01T00:01Z'::timestamptz + i * interval '1 minute')), array_agg('a'::text), array_agg(1.0)) FROM generate_series(1, 401) i$$);

-- names that would like to be more than names, in every place that takes one
CREATE TEMP TABLE hostile AS SELECT n, E'</text></title><script>alert(1)</script><a href="javascript:x" onload=''y''>&amp;]]><!-- \x0b\x1f ' || chr(8238) || chr(65534) || chr(1513) || chr(1500) || ' ' || repeat('W', 300) AS name FROM generate_series(1, 9) n;
CREATE TEMP TABLE drawn AS
SELECT form, width, svg FROM (SELECT array_agg(name || n ORDER BY n) AS names, max(name) AS name, array_agg(n::numeric ORDER BY n) AS amounts,
    array_agg(time_window('2026-01-15T00:00Z'::timestamptz + n * interval '1 hour', '2026-01-15T03:00Z'::timestamptz + n * interval '1 hour') ORDER BY n) AS windows FROM hostile) h
CROSS JOIN unnest(ARRAY[240, 360, 820, 2000]) width
CROSS JOIN LATERAL (VALUES
  ('columns', chart_columns(name, name, name, '2026-01-15T00:00Z/P1D', 'UTC', windows, names, amounts, name, windows, amounts, width)),
  ('steps', chart_steps(name, name, name, name, names, amounts, amounts, width)),
  ('blocks', chart_blocks(name, name, name, name, names, names, amounts, amounts, 4, name, 4, name, width)),
  ('bars', chart_bars(name, name, name, names, names, amounts, width)),
  ('timeline', chart_timeline(name, name, '2026-01-15T00:00Z/P1D', 'UTC', names, windows, names, windows, names, width)),
  ('nothing', chart_nothing(name, name, width, name))) AS f (form, svg);
SELECT form, count(*) AS drawn, count(pg_temp.faults(svg)) AS faulty, count(*) FILTER (WHERE svg ~ '<script|<a |\x0b' OR position(chr(8238) IN svg) > 0) AS harmful FROM drawn GROUP BY form ORDER BY form;
-- titles come back as they were, but for what was taken out
SELECT count(*) FROM drawn WHERE (pg_temp.nodes(svg, '/s:svg/s:title/text()'))[1]::text LIKE '&lt;/text&gt;&lt;/title&gt;&lt;script&gt;%';
-- ids of different pictures differ
SELECT count(*) AS ids, count(DISTINCT id) AS different FROM (SELECT DISTINCT form, width, (pg_temp.nodes(svg, '/s:svg/s:title/@id'))[1]::text AS id FROM drawn) i;

-- many points: drawn, small, and the figures are of all of them
SELECT form, n, pg_temp.faults(svg), length(svg) < 200000 AS small, (pg_temp.nodes(svg, '/s:svg/s:desc/text()'))[1]::text AS described
FROM (VALUES (20000)) AS c (n) CROSS JOIN LATERAL (
  SELECT array_agg(time_window('2026-01-01T00:00Z'::timestamptz + i * interval '30 minutes', '2026-01-01T00:30Z'::timestamptz + i * interval '30 minutes') ORDER BY i) AS windows,
         array_agg(('s' || i % 5) ORDER BY i) AS names, array_agg((i % 97)::numeric ORDER BY i) AS amounts, array_agg(1.0 ORDER BY i) AS ones, array_agg((20000 - i)::numeric ORDER BY i) AS falling FROM generate_series(1, n) i) d
CROSS JOIN LATERAL (VALUES
  ('line', chart_columns('x', '', 'MW', '2026-01-01T00:00Z/P2Y', 'UTC', NULL, NULL, NULL, 'line', windows, amounts)),
  ('steps', chart_steps('x', '', 'MWh', 'GBP', names, ones, falling)),
  ('blocks', chart_blocks('x', '', 'MWh', 'GBP', names, names, ones, falling)),
  ('timeline', chart_timeline('x', '', '2026-01-01T00:00Z/P2Y', 'UTC', names, windows, names, windows[1:5000], names[1:5000]))) AS f (form, svg) ORDER BY form;
SELECT pg_temp.faults(svg), length(svg) < 200000 AS small, (pg_temp.nodes(svg, '/s:svg/s:desc/text()'))[1]::text AS described
FROM (SELECT chart_columns('x', '', 'MW', '2026-01-01T00:00Z/P400D', 'UTC', array_agg(time_window('2026-01-01T00:00Z'::timestamptz + i % 400 * interval '1 day', '2026-01-02T00:00Z'::timestamptz + i % 400 * interval '1 day')),
                             array_agg('s' || i / 400), array_agg(1.0)) AS svg FROM generate_series(0, 2799) i) c;
-- the same figures, the same picture
SELECT count(DISTINCT chart_bars('t', '', 'u', ARRAY['a', 'b', 'c'], NULL, ARRAY[1, 1, 1])) FROM generate_series(1, 3);

-- a table
SELECT html_table('Prices & "more"', ARRAY['Product', 'Note', 'MWh'], ARRAY['<b>PR</b>', NULL, '1,234.5', 'DC', 'x', NULL], 2);
SELECT html_table('Empty', ARRAY['a', 'b'], NULL);
