-- Reports of settlement: the table adds up to the statements, and CSV, JSON and the page say what the table says.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT flexexchange.create_exchange('report_test');
SET search_path = report_test, flexexchange;
CREATE ROLE report_dso IN ROLE flexexchange_participant;
CREATE ROLE report_neso IN ROLE flexexchange_participant;
CREATE ROLE report_volt IN ROLE flexexchange_participant;
CREATE ROLE report_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt & Sons, "Ltd"', '{service_provider}'), (4, '=Amp()', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('report_dso', 1), ('report_neso', 2), ('report_volt', 3);
INSERT INTO market (id, code, name, market_operator_id, time_zone, currency) VALUES (1, 'dso', 'Local <flexibility>', 1, 'Europe/London', 'GBP'), (2, 'neso', 'Response', 2, 'Europe/London', 'EUR');
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 1, 'SA', 'Scheduled Availability', 'SAda'), (3, 2, 'DFS', 'Demand Flexibility', 'DFS');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'battery', 1000), (12, E'chargers,\n"north"', 1000), (13, '<b>bold</b>', 1000);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '2020-01-01T00:00Z/infinity'), (12, 4, '2020-01-01T00:00Z/infinity'), (13, 3, '2020-01-01T00:00Z/infinity');
INSERT INTO settlement_mechanism (id, code, name, cap_ratio, factor_at, factor, penalty_of_price, grace, rounds_at, confirmed, source) VALUES
  (101, 'curve', 'by a curve, rounded on the statement', 1, '{0.5,1}', '{0,1}', 0.5, 0.1, 'statement', true, 'test'), (102, 'line', 'rounded by line', 1, NULL, NULL, NULL, 0, 'line', true, 'test');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'dispatch', 101), (2, 'availability', 102);
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) SELECT 3, 'dispatch', id FROM settlement_mechanism WHERE code = 'requested-energy';
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status)
  SELECT 100 + i, 2, 3, 11, 'up', 400, time_window(d, d + interval '2 hours'), 7.77, 'accepted' FROM generate_series(1, 6) i CROSS JOIN LATERAL (SELECT timestamptz '2024-10-28T16:00Z' + i * interval '1 day' AS d) x;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT 200 + i, CASE WHEN i > 30 THEN 3 ELSE 1 END, CASE u WHEN 12 THEN 4 ELSE 3 END, u, 'up', 300, time_window(d, d + interval '1 hour'), 111.11 + i
  FROM generate_series(1, 36) i CROSS JOIN LATERAL (SELECT timestamptz '2024-10-20T17:00Z' + i * interval '1 day' AS d, 11 + i % 3 AS u) x;
-- half-hours; of a dispatch of each market what was delivered is not known: one is paid by it and left out, the other is not
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh)
  SELECT d.id, time_window(t, t + interval '30 minutes'), 150, CASE WHEN d.id NOT IN (211, 233) THEN round(150 * (0.4 + abs(hashint8extended(d.id * 7 + h, 1) % 700) / 1000.0), 3) END
  FROM dispatch d, generate_series(0, 1) h CROSS JOIN LATERAL (SELECT lower(d.delivery_window) + h * interval '30 minutes' AS t) x;
INSERT INTO delivery (availability_id, delivery_window, requested_kwh, delivered_kwh) SELECT id, delivery_window, 800, 800 - (id % 3) * 100 FROM availability;
SELECT settle(1, '2024-10-01', 'initial') IS NOT NULL AS october, settle(1, '2024-11-01', 'initial') IS NOT NULL AS november, settle(2, '2024-11-01', 'initial') IS NOT NULL AS neso;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) SELECT dispatch_id, delivery_window, 150, 150 FROM delivery WHERE dispatch_id = 215 AND lower(delivery_window)::time = '17:00';
SELECT settle(1, '2024-11-01', 'revised', 'one reading') IS NOT NULL AS again;

-- ---------------------------------------------------------------- the table

SELECT market_code, month, run_kind, service_provider, product_code, stage, translate(unit, E'\n', ' ') AS unit, lines, currency, round(payment, 4) AS payment, round(penalty, 4) AS penalty, round(adjustment, 4) AS adjustment, round(amount, 4) AS amount FROM earnings_report();
-- it is the last run's, and adds up to its statements
SELECT r.market_code, r.month, r.service_provider_id, r.amount = s.total AS to_the_penny, r.lines = s.lines AS lines
FROM (SELECT market_code, month, run_number, service_provider_id, sum(amount) AS amount, sum(lines) AS lines FROM earnings_report() GROUP BY 1, 2, 3, 4) r
FULL JOIN (SELECT m.* FROM monthly_statement m WHERE NOT EXISTS (SELECT FROM settlement_run x WHERE x.previous_run_id = m.run_id)) s
  ON (s.market_code, s.month, s.number, s.service_provider_id) = (r.market_code, r.month, r.run_number, r.service_provider_id) ORDER BY 1, 2, 3;
SELECT bool_and(payment + penalty + clawback + adjustment = amount) AS each_adds_up FROM earnings_report();
SELECT market_code, month, service_provider, product_code, stage, unit_id, trades, periods, known_periods, requested_mwh, delivered_mwh, performance, worst, mean_factor, kept_trades FROM performance_report();
-- against a naive count
SELECT count(*) AS differ FROM performance_report(1, '2024-11-20') p
CROSS JOIN LATERAL (SELECT count(DISTINCT d.trade_id) AS trades, sum(d.requested_kwh) / 1000 AS requested, sum(d.delivered_kwh) / 1000 AS delivered,
                           round(sum(CASE WHEN d.delivered_kwh > d.requested_kwh THEN d.requested_kwh ELSE d.delivered_kwh END) / sum(CASE WHEN d.delivered_kwh IS NOT NULL THEN d.requested_kwh END), 6) AS performance
                    FROM delivery d WHERE d.superseded_at IS NULL AND d.unit_id = p.unit_id AND d.service_provider_id = p.service_provider_id AND (d.dispatch_id IS NOT NULL) = (p.stage = 'dispatch') AND d.product_id IN (1, 2)
                      AND lower(d.delivery_window) >= '2024-11-01T00:00Z' AND lower(d.delivery_window) < '2024-12-01T00:00Z' AND (p.stage = 'availability' OR d.delivered_kwh IS NOT NULL)) n
WHERE (p.trades, p.requested_mwh, p.delivered_mwh, p.performance) IS DISTINCT FROM (n.trades, trim_scale(n.requested), trim_scale(n.delivered), n.performance);
SELECT count(*) AS rows, count(DISTINCT market_code) AS markets FROM earnings_report(market_id => 2);
SELECT count(*) AS rows, array_agg(DISTINCT month) AS months FROM earnings_report(month => '2024-10-07');
SELECT count(*) AS rows, array_agg(DISTINCT service_provider) AS providers FROM earnings_report(service_provider_id => 4);

-- ---------------------------------------------------------------- the same, read back from CSV and JSON

CREATE TEMP TABLE earned AS SELECT * FROM earnings_report();
CREATE TEMP TABLE performed AS SELECT * FROM performance_report();
-- RFC 4180, character by character
CREATE FUNCTION pg_temp.read_csv(csv text) RETURNS TABLE (line int, place int, cell text) LANGUAGE plpgsql AS $$
DECLARE i int := 1; c text; quoted boolean; was_quoted boolean;
BEGIN
  line := 1; place := 1;
  WHILE i <= length(csv) LOOP
    cell := ''; was_quoted := substr(csv, i, 1) = '"'; quoted := was_quoted;
    IF quoted THEN i := i + 1; END IF;
    LOOP
      c := substr(csv, i, 1);
      IF quoted AND c = '"' AND substr(csv, i + 1, 1) = '"' THEN cell := cell || '"'; i := i + 2;
      ELSIF quoted AND c = '"' THEN quoted := false; i := i + 1;
      ELSIF NOT quoted AND (c = ',' OR substr(csv, i, 2) = E'\r\n' OR c = '') THEN EXIT;
      ELSE cell := cell || c; i := i + 1;
      END IF;
    END LOOP;
    IF cell = '' AND NOT was_quoted THEN cell := NULL; END IF;
    RETURN NEXT;
    IF c = ',' THEN place := place + 1; i := i + 1; ELSE line := line + 1; place := 1; i := i + 2; END IF;
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.back_from_csv(csv text) RETURNS json LANGUAGE sql AS $$
  WITH cell AS MATERIALIZED (SELECT * FROM pg_temp.read_csv(csv))
  SELECT json_agg(x.o ORDER BY x.line) FROM (SELECT c.line, json_object_agg(h.cell, c.cell) AS o FROM cell c JOIN cell h ON h.line = 1 AND h.place = c.place WHERE c.line > 1 GROUP BY c.line) x $$;
SELECT report, (SELECT count(*) FROM pg_temp.read_csv(csv) WHERE line = 1) AS columns, (SELECT max(line) - 1 FROM pg_temp.read_csv(csv)) AS rows, right(csv, 2) = E'\r\n' AS ends, csv ~ E'[^\r]\n[^n"]' AS bare_line_feed
FROM unnest('{earnings,performance}'::text[]) report CROSS JOIN LATERAL (SELECT settlement_report_csv(report) AS csv) c;
SELECT (SELECT count(*) FROM (SELECT * FROM earned EXCEPT SELECT * FROM json_populate_recordset(NULL::earned, pg_temp.back_from_csv(settlement_report_csv('earnings')))) x) AS missing,
       (SELECT count(*) FROM (SELECT * FROM json_populate_recordset(NULL::earned, pg_temp.back_from_csv(settlement_report_csv('earnings'))) EXCEPT SELECT * FROM earned) x) AS added,
       (SELECT count(*) FROM (SELECT * FROM performed EXCEPT SELECT * FROM json_populate_recordset(NULL::performed, pg_temp.back_from_csv(settlement_report_csv('performance')))) x) AS missing_performance;
SELECT (SELECT count(*) FROM (SELECT * FROM earned EXCEPT SELECT * FROM json_populate_recordset(NULL::earned, settlement_report_json('earnings') -> 'rows')) x) AS missing,
       (SELECT count(*) FROM (SELECT * FROM json_populate_recordset(NULL::earned, settlement_report_json('earnings') -> 'rows') EXCEPT SELECT * FROM earned) x) AS added,
       (SELECT count(*) FROM (SELECT * FROM performed EXCEPT SELECT * FROM json_populate_recordset(NULL::performed, settlement_report_json('performance') -> 'rows')) x) AS missing_performance;
SELECT j ->> 'report' AS report, j ->> 'market' AS market, j ->> 'month' AS month, json_array_length(j -> 'rows') AS rows FROM settlement_report_json('earnings', 2, '2024-11-01') j;
-- nothing is a header, and an empty array
SELECT settlement_report_csv('earnings', 1, '2020-01-01');
SELECT settlement_report_json('performance', 1, '2020-01-01');
SELECT settlement_report_csv('profits');
-- for a spreadsheet names are names
SELECT DISTINCT cell FROM pg_temp.read_csv(settlement_report_csv('earnings', 1, '2024-11-01', 4, true)) WHERE cell LIKE '%Amp%';

-- ---------------------------------------------------------------- the page

CREATE TEMP TABLE page AS SELECT settlement_report_html(1, '2024-11-01') AS html;
-- the rows of its tables, in order
CREATE FUNCTION pg_temp.rows_of(html text, caption text) RETURNS TABLE (n bigint, cells text[]) LANGUAGE sql AS $$
  SELECT r.n, ARRAY(SELECT replace(replace(replace(replace(replace(replace(m[1], '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''), '&#8211;', '-'), '&amp;', '&') FROM regexp_matches(r.html[1], '<t[hd][^>]*>([^<]*)</t[hd]>', 'g') m)
  FROM (SELECT substring(html FROM '<caption><span>' || caption || '.*?</span></caption>.*?<tbody>(.*?)</tbody>') AS body) b CROSS JOIN LATERAL regexp_matches(b.body, '<tr>(.*?)</tr>', 'g') WITH ORDINALITY AS r (html, n) $$;
SELECT r.cells[1] = regexp_replace(coalesce(e.unit, 'the statement'), '\s+', ' ', 'g') AND r.cells[2] = e.service_provider AND round(replace(r.cells[9], ',', '')::numeric, 2) = round(e.amount, 2) AND replace(r.cells[5], ',', '')::numeric = round(e.payment, 2) AS the_same, r.cells[1] AS unit, r.cells[9] AS amount
FROM page CROSS JOIN LATERAL pg_temp.rows_of(page.html, 'By product and unit, GBP') r FULL JOIN (SELECT row_number() OVER () AS n, x.* FROM earnings_report(1, '2024-11-01') x) e ON e.n = r.n ORDER BY r.n;
SELECT r.cells[8] = chart_number(100 * p.performance, 1) AND r.cells[5]::bigint = p.kept_trades AS the_same, r.cells[1] AS unit, r.cells[8] AS performance
FROM page CROSS JOIN LATERAL pg_temp.rows_of(page.html, 'By product and unit; performance') r FULL JOIN (SELECT row_number() OVER () AS n, x.* FROM performance_report(1, '2024-11-01') x) p ON p.n = r.n ORDER BY r.n;
SELECT r.cells[1] AS provider, r.cells[5] AS amount, s.total FROM page CROSS JOIN LATERAL pg_temp.rows_of(page.html, 'Statements, GBP') r JOIN monthly_statement s ON s.service_provider = r.cells[1] AND s.market_code = 'dso' AND s.month = '2024-11-01' AND s.kind = 'revised' ORDER BY r.n;
-- it needs nothing but itself, and names are only names
SELECT html LIKE '<!DOCTYPE html>%</html>' AS whole, html ~ '<script|<img|<iframe|<link rel="stylesheet|src=|@import' AS loads, html ~ '<b>bold|Local <flex' AS markup, (SELECT count(*) FROM regexp_matches(html, '<svg ', 'g')) AS pictures,
       (SELECT count(*) FROM regexp_matches(html, '<svg [^>]*role="img"', 'g')) AS named_pictures, html ~ '@media print' AS prints FROM page;
SELECT settlement_report_html(1, '2020-01-01') LIKE '%Nothing that you may read was settled%' AS empty;
SELECT count(*) AS currencies FROM regexp_matches(settlement_report_html(), '<dt>Earned, ([A-Z]+)</dt>', 'g');

-- ---------------------------------------------------------------- who reads what

SET ROLE report_volt;
SELECT array_agg(DISTINCT service_provider) AS providers, array_agg(DISTINCT market_code) AS markets FROM earnings_report();
SELECT r.amount = s.total AS to_the_penny FROM (SELECT market_code, month, run_number, sum(amount) AS amount FROM earnings_report() GROUP BY 1, 2, 3) r JOIN monthly_statement s ON (s.market_code, s.month, s.number) = (r.market_code, r.month, r.run_number);
SELECT array_agg(DISTINCT service_provider) AS providers FROM performance_report();
SELECT settlement_report_html() ~ 'Amp' AS of_others, settlement_report_csv('earnings') ~ 'Amp' AS in_csv;
-- in dispute: said beside it
SELECT raise_dispute('too little', delivery_id => (SELECT min(id) FROM delivery WHERE dispatch_id = 215 AND superseded_at IS NULL), claimed_kwh => 150) IS NOT NULL AS raised;
SET ROLE report_dso;
SELECT raise_dispute('nothing came', delivery_id => (SELECT min(id) FROM delivery WHERE dispatch_id = 218), claimed_kwh => 0) IS NOT NULL AS raised;
SELECT unit_id, round(amount, 2) AS amount, round(held, 2) AS held FROM earnings_report(1, '2024-11-01') WHERE held <> 0;
SELECT array_agg(DISTINCT market_code) AS markets, count(DISTINCT service_provider) AS providers FROM earnings_report();
SET ROLE report_neso;
SELECT array_agg(DISTINCT market_code) AS markets FROM earnings_report();
RESET ROLE;
-- decided in money: a row of its own, and the table adds up to the statements still
SELECT resolve_dispute(d.id, 'partly', 'by agreement', amount => 12.345, at => d.answer_by + interval '1 hour') IS NULL AS decided FROM dispute d JOIN delivery v ON v.id = d.delivery_id WHERE v.dispatch_id = 218;
SELECT settle(1, '2024-11-01', 'revised', 'a decision') IS NOT NULL AS once_more;
SELECT service_provider, product_code, stage, unit_id, lines, round(adjustment, 4) AS adjustment, round(amount, 4) AS amount FROM earnings_report(1, '2024-11-01') WHERE stage = 'decision';
SELECT bool_and(r.amount = s.total AND r.lines = s.lines) AS to_the_penny, count(*) AS statements
FROM (SELECT market_code, month, run_number, service_provider_id, sum(amount) AS amount, sum(lines) AS lines FROM earnings_report(1, '2024-11-01') GROUP BY 1, 2, 3, 4) r
JOIN monthly_statement s ON (s.market_code, s.month, s.number, s.service_provider_id) = (r.market_code, r.month, r.run_number, r.service_provider_id);
SELECT settlement_report_html(1, '2024-11-01') LIKE '%SU decision%' AS on_the_page, settlement_report_csv('earnings', 1, '2024-11-01') LIKE '%,SU,decision,%' AS in_csv,
       settlement_report_json('earnings', 1, '2024-11-01') ->> 'rows' LIKE '%"decision"%' AS in_json;
SELECT flexexchange.drop_exchange('report_test', with_data => true);
DROP ROLE report_dso, report_neso, report_volt, report_operator;
