-- Merit order: whom to call, why not the others, and how far a choice is from the best.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('merit_test');
SET search_path = merit_test, flexexchange;
SET TimeZone = 'UTC';
\set SHOW_CONTEXT never

-- ---------------------------------------------------------------- de-rating factors

SELECT class, string_agg(factor::text, ' ' ORDER BY delivery_year) AS "2026/27 to 2029/30" FROM derating_factor WHERE auction = 'T-4' GROUP BY class ORDER BY min(id);
SELECT count(*) AS factors, count(*) FILTER (WHERE NOT confirmed) AS open FROM derating_factor;
\set VERBOSITY terse
INSERT INTO derating_factor (class, delivery_year, auction, factor, source, confirmed) VALUES ('DSR', '2030', 'T-4', 0.8, 'x', false);
INSERT INTO derating_factor (class, delivery_year, auction, factor, source, confirmed) VALUES ('DSR', '2030/31', 'T-4', 1.2, 'x', false);
UPDATE reliability_method SET prior_ratio = 1;

-- ---------------------------------------------------------------- a zone, and what was delivered in it

INSERT INTO participant (name, kinds) VALUES ('Network operator', '{market_operator}'), ('Another network operator', '{market_operator}'), ('Volt', '{service_provider}'), ('Amp', '{service_provider}');
INSERT INTO market (code, name, market_operator_id) VALUES ('dso', 'Local flexibility', 1), ('other', 'Elsewhere', 2);
INSERT INTO product (market_id, code, name, service_code, binds, paid_for, valid) VALUES
  (1, 'OU', 'Operational Utilisation', 'OUrt', 'award', '{utilisation}', '2020-01-01T00:00Z/infinity'),
  (1, 'SA', 'Scheduled Availability', 'SArt', 'availability', '{availability,utilisation}', '2020-01-01T00:00Z/infinity'),
  (2, 'OU', 'Operational Utilisation', 'OUrt', 'award', '{utilisation}', '2020-01-01T00:00Z/infinity');
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (1, 'bsp', 'North', 1), (2, 'primary', 'Mill Lane', 1), (3, 'primary', 'Quay', 1), (4, 'bsp', 'South', 2);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (2, 1), (3, 1);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, profile)
SELECT 100 + i, 'unit ' || i, CASE WHEN i % 2 = 0 THEN 2 ELSE 3 END, 500, '{"notice": "PT15M"}' FROM generate_series(1, 6) i;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 3 + id % 2, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
SELECT 1000 + i, 1, 3 + (100 + i) % 2, 100 + i, 'up', 100, '2029-12-01T00:00Z/2030-03-01T00:00Z', 50 + 10 * i FROM generate_series(1, 6) i;
-- twelve evenings: units 101 to 104 were called in each, 105 in two, 106 never.  101 always comes, 102 mostly; 103 and 104 fail together.
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
SELECT 10000 + 100 * d + i, 1000 + i, 1, 3 + (100 + i) % 2, 100 + i, 'up', 100, time_window('2029-12-01T17:00Z'::timestamptz + d * interval '1 day', '2029-12-01T18:00Z'::timestamptz + d * interval '1 day'), 'completed'
FROM generate_series(1, 12) d, generate_series(1, 5) i WHERE i < 5 OR d <= 2;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh)
SELECT d.id, time_window(lower(d.delivery_window) + h * interval '30 minutes', lower(d.delivery_window) + (h + 1) * interval '30 minutes'), 50,
  50 * CASE d.asset_id WHEN 101 THEN 1 WHEN 102 THEN 0.9 + (d.id / 100 % 3) * 0.1 ELSE CASE WHEN d.id / 100 % 4 = 0 THEN 0.4 ELSE 0.95 END END
FROM dispatch d, generate_series(0, 1) h;
SELECT unit_id, count(*) AS dispatches, min(starts_at) AS first, round(avg(ratio), 4) AS ratio, sum(periods) AS periods FROM delivery_history GROUP BY unit_id ORDER BY unit_id;
SELECT unit_id, events, observed_ratio, observed_deviation, delivered_in_full AS full, mean_ratio, deviation, probability, basis
FROM delivery_reliability('{101,102,103,104,105,106}', '{1}', 'normal', '2030-01-07T00:00Z') ORDER BY unit_id;
-- only what is over, and within the look-back, counts
SELECT unit_id, events FROM delivery_reliability('{101}', '{1}', 'normal', '2029-12-05T17:30Z') UNION ALL SELECT unit_id, events FROM delivery_reliability('{101}', '{1}', 'normal', '2031-01-07T00:00Z');
SELECT unit_id, events FROM delivery_reliability(at => '2030-01-07T00:00Z') ORDER BY unit_id;
SELECT * FROM delivery_correlation('{101,102,103,104,105,106}', '{1}', 'normal', '2030-01-07T00:00Z');
SELECT * FROM delivery_correlation('{106}', '{1}', 'normal', '2030-01-07T00:00Z');
-- pair by pair
WITH h AS (SELECT unit_id, starts_at, least(ratio, 1)::float8 AS r FROM delivery_history WHERE product_id = 1),
z AS (SELECT h.unit_id, h.starts_at, (h.r - s.m) / s.d AS z FROM h JOIN (SELECT unit_id, avg(r) AS m, stddev_pop(r) AS d FROM h GROUP BY unit_id) s ON s.unit_id = h.unit_id AND s.d > 0)
SELECT count(DISTINCT a.starts_at) AS events, count(*) AS pairs, round(avg(a.z * b.z)::numeric, 6) AS observed, round(((count(DISTINCT a.starts_at) * avg(a.z * b.z) + 20 * 0.1) / (count(DISTINCT a.starts_at) + 20))::numeric, 6) AS correlation
FROM z a JOIN z b ON b.starts_at = a.starts_at AND a.unit_id < b.unit_id;

-- ---------------------------------------------------------------- whom to call

SELECT merit_order('{1}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', at => '2030-01-07T12:00Z') AS asked \gset
SELECT id, market_operator_id AS buyer, power_kw, confidence, correlation, correlation_basis, correlation_events, proposed_kw, expected_kw, firm_kw, covered, cost, least_cost, candidates, status FROM merit_order;
SELECT rank, unit_id, stage, power_kw, utilisation_price_per_mwh AS price, mean_ratio, deviation, probability, events, notice_ok, expected_kw, firm_share_kw, cost, excluded_because FROM merit_order_unit ORDER BY rank, unit_id;
-- the firm quantity is that of the units, and their shares add up to it
SELECT round(firm_normal(array_agg((u.power_kw * u.mean_ratio)::float8), array_agg((u.power_kw * u.deviation)::float8), m.correlation::float8, m.confidence::float8)::numeric, 3) AS firm, m.firm_kw, sum(u.firm_share_kw) AS shares
FROM merit_order m JOIN merit_order_unit u ON u.merit_order_id = m.id AND u.rank IS NOT NULL GROUP BY m.id;
SELECT status, reason, happened_at FROM merit_order_step;
