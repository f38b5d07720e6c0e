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
  (2, 'SU', 'Scheduled Utilisation', 'SU', 'award', '{utilisation}', '2020-01-01T00:00Z/infinity');
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
SELECT id, market_operator_id AS buyer, power_kw, confidence, probability, correlation, correlation_basis, correlation_events, proposed_kw, expected_kw, firm_kw, covered, cost, least_cost, candidates, status FROM merit_order;
SELECT rank, unit_id, stage, power_kw, utilisation_price_per_mwh AS price, mean_ratio, deviation, probability, events, notice_ok, expected_kw, firm_share_kw, cost, excluded_because FROM merit_order_unit ORDER BY rank, unit_id;
-- the firm quantity is that of the units, and their shares add up to it
SELECT round(firm_normal(array_agg((u.power_kw * u.mean_ratio)::float8), array_agg((u.power_kw * u.deviation)::float8), m.correlation::float8, m.confidence::float8)::numeric, 3) AS firm, m.firm_kw, sum(u.firm_share_kw) AS shares
FROM merit_order m JOIN merit_order_unit u ON u.merit_order_id = m.id AND u.rank IS NOT NULL GROUP BY m.id;
SELECT status, reason, happened_at FROM merit_order_step;

-- a stated correlation is stated; other assumptions say other things of the same units
SELECT merit_order('{1}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', correlation => 0, at => '2030-01-07T12:00Z'), merit_order('{1}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', correlation => 0.6, at => '2030-01-07T12:00Z'),
  merit_order('{1}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', method => 'on_off', at => '2030-01-07T12:00Z'), merit_order('{1}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', method => 'bonferroni', at => '2030-01-07T12:00Z'),
  merit_order('{1}', 1, 'up', 5000, '2030-01-07T17:00Z/PT1H', correlation => 0.6, at => '2030-01-07T12:00Z');
SELECT m.id, r.code AS method, m.power_kw, m.correlation, m.correlation_basis AS basis, m.correlation_events AS events, proposed_kw, firm_kw, covered, m.probability, cost, least_cost, (SELECT count(*) FROM merit_order_unit u WHERE u.merit_order_id = m.id AND rank > 0) AS units
FROM merit_order m JOIN reliability_method r ON r.id = m.reliability_method_id WHERE m.id > 1 ORDER BY m.id;
-- beside it: what the cheapest would be if every unit came as promised, and how firm that is
SELECT round(firm_normal('{97.0588,94.7059}', '{16.8958,17.0182}', 0.1875, 0.95)::numeric, 1) AS firm_kw_of_the_two_cheapest;

-- ---------------------------------------------------------------- why a unit is not called

INSERT INTO grid_node (id, kind, name, operator_id) VALUES (5, 'feeder', 'Mill Lane 7', 1);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (5, 2);
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 1, 'Winter', now() - interval '1 hour', now() + interval '1 hour');
BEGIN;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (2, 1, 'Winter again', now() - interval '1 hour', now() + interval '1 hour');
INSERT INTO competition_terms (competition_id, order_features) VALUES (2, '{minimum,all_or_nothing}');
INSERT INTO competition_requirement (competition_id, product_id, delivery_window, direction, power_kw) VALUES (2, 1, '2029-12-01T00:00Z/2030-03-01T00:00Z', 'up', 1000);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, profile)
SELECT x.id, x.name, CASE x.id WHEN 210 THEN 4 WHEN 211 THEN NULL WHEN 218 THEN 5 WHEN 219 THEN 5 ELSE 2 END, 500, x.profile::asset_profile
FROM (VALUES (201, 'slow to answer', '{"notice": "PT6H"}'), (202, 'slow to rise', '{"full_delivery": "PT6H"}'), (203, 'long runner', '{"min_duration": "PT2H"}'), (204, 'short runner', '{"max_duration": "PT30M"}'),
  (205, 'small battery', '{"energy_kwh": 10}'), (206, 'ramps slowly', '{"ramp_kw_per_minute": 0.1, "notice": "PT10M"}'), (207, 'recovers', '{"recovery": "PT2H"}'), (208, 'suspended', '{}'), (209, 'rejected', '{}'), (210, 'in the south', '{}'),
  (211, 'nowhere', '{}'), (212, 'taken out', '{}'), (213, 'half an hour', '{}'), (214, 'called', '{}'), (215, 'no price', '{}'), (216, 'not available', '{}'), (217, 'available', '{}'), (218, 'behind a limit', '{}'),
  (219, 'uses the limit', '{}'), (220, 'sold elsewhere', '{}'), (221, 'two offers', '{}'), (222, 'silent', '{}')) x (id, name, profile);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 3, '2020-01-01T00:00Z/infinity' FROM asset WHERE id > 200;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
SELECT 5000 + i, 2, 1, 3, i, 'up', 60, '2029-12-01T00:00Z/2030-03-01T00:00Z', 20 FROM generate_series(205, 206) i;
INSERT INTO bid_terms (bid_id, minimum_kw, minimum_share) VALUES (5205, 50, NULL), (5206, NULL, 1);
COMMIT;
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
SELECT i * 10, CASE WHEN i IN (205, 206) THEN 5000 + i END, CASE WHEN i IN (216, 217) THEN 2 ELSE 1 END, 3, i, 'up', 60, CASE i WHEN 213 THEN '2030-01-07T17:30Z/PT1H' ELSE '2029-12-01T00:00Z/2030-03-01T00:00Z' END::time_window, CASE WHEN i <> 215 THEN 20 END
FROM generate_series(201, 222) i UNION ALL SELECT 2219, NULL, 1, 3, 221, 'up', 60, '2029-12-01T00:00Z/2030-03-01T00:00Z', 30;
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (3000, 2170, 2, 3, 217, 'up', 40, '2030-01-07T16:00Z/PT4H', 'accepted');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (4207, 2070, 1, 3, 207, 'up', 10, '2030-01-07T15:00Z/PT1H'), (4214, 2140, 1, 3, 214, 'up', 60, '2030-01-07T17:00Z/PT1H'), (4219, 2190, 1, 3, 219, 'up', 30, '2030-01-07T17:00Z/PT1H');
INSERT INTO qualification (id, asset_id, product_id, service_provider_id, status) VALUES (1, 208, 1, 3, 'requested'), (2, 209, 1, 3, 'requested');
UPDATE qualification SET status = 'prequalification' WHERE id = 2;
UPDATE qualification SET status = 'rejected', note = 'no' WHERE id = 2;
INSERT INTO suspension (qualification_id, reason, note) VALUES (1, 'other', 'noise');
INSERT INTO unit_removal (asset_id, service_code, valid, operator_id, reason) VALUES (212, 'OUrt', '2030-01-07T00:00Z/P1D', 2, 'cable works');
INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (5, '2030-01-07T00:00Z/P1D', 'up', 30, 1);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (4220, 3, 3, 220, 'up', 480, '2030-01-07T17:00Z/PT1H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (4221, 4220, 3, 3, 220, 'up', 480, '2030-01-07T17:00Z/PT1H');
SELECT count(*) AS dispatches, (SELECT count(*) FROM conflict) AS conflicts FROM dispatch WHERE lower(delivery_window) = '2030-01-07T17:00Z';
-- a heartbeat, where one is kept
INSERT INTO heartbeat_terms (market_id, missed_intervals) VALUES (1, 3);
INSERT INTO unit_heartbeat (unit_id, service_provider_id, status, update_interval_seconds, since, last_heard, sender) VALUES (222, 3, 'available', 60, '2030-01-07T09:00Z', '2030-01-07T11:00Z', 'desk');
-- suspended at once, so asked as of after that: the clock of the proposal runs from then
UPDATE suspension SET suspended_at = '2026-01-01T00:00Z';
SELECT merit_order('{1,2}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', at => '2030-01-07T12:00Z') AS excluded \gset
SELECT unit_id, stage, product_id AS product, most_kw, power_kw, excluded_because FROM merit_order_unit WHERE merit_order_id = :excluded ORDER BY unit_id, trade_id;
SELECT firm_kw, covered, cost, least_cost, candidates FROM merit_order WHERE id = :excluded;
-- nothing stays of what was asked of the rules
SELECT count(*) AS dispatches, (SELECT count(*) FROM conflict) AS conflicts FROM dispatch WHERE lower(delivery_window) = '2030-01-07T17:00Z';
-- the gate for instructions
INSERT INTO market_gate (market_id, stage, closes_before) VALUES (1, 'instruction', '1 hour');
SELECT merit_order('{1}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H', at => '2030-01-07T16:30Z') AS late \gset
SELECT excluded_because[1] AS because, count(*) FROM merit_order_unit WHERE merit_order_id = :late AND excluded_because::text LIKE '%gate:%' GROUP BY 1 ORDER BY 2 DESC LIMIT 1;
SELECT proposed_kw, firm_kw, covered, least_cost FROM merit_order WHERE id = :late;
DELETE FROM market_gate;
-- one that never came, by a method without a prior; another version takes the place of the first
INSERT INTO reliability_method (code, name, kind, least_events, prior_events, correlation_events, confirmed, source) VALUES ('history', 'History alone', 'normal', 3, 0, 0, false, 'test');
INSERT INTO reliability_method (code, version, name, kind, least_events, prior_events, correlation_events, confirmed, source) VALUES ('history', 2, 'History alone', 'normal', 1, 0, 0, false, 'test');
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (4207, '2030-01-07T15:00Z/PT1H', 10, -1);
SELECT unit_id, events, mean_ratio, deviation, basis FROM delivery_reliability('{101,103,106,207}', '{1}', 'history', '2030-01-08T00:00Z') ORDER BY unit_id;
SELECT merit_order('{1}', 1, 'up', 50, '2030-01-08T17:00Z/PT1H', method => 'history', at => '2030-01-08T00:00Z') AS never \gset
SELECT u.unit_id, u.excluded_because, m.correlation, m.correlation_basis, (SELECT version FROM reliability_method r WHERE r.id = m.reliability_method_id) AS version FROM merit_order m JOIN merit_order_unit u ON u.merit_order_id = m.id WHERE m.id = :never AND unit_id = 207;

-- storage and ramp bound what is called; a limit bounds all that is behind it; what one node does at another
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, profile) VALUES (301, 'battery', 2, 500, '{"energy_kwh": 90}'), (302, 'ramp', 2, 500, '{"ramp_kw_per_minute": 0.5, "notice": "PT1H"}'), (303, 'far', 3, 500, '{}'), (304, 'behind', 5, 500, '{}'), (305, 'behind too', 5, 500, '{}');
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 4, '2020-01-01T00:00Z/infinity' FROM asset WHERE id > 300;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT i * 10, 1, 4, i, 'up', 60, '2031-01-01T00:00Z/2031-02-01T00:00Z', i - 300 FROM generate_series(301, 305) i;
INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (5, '2031-01-07T00:00Z/P1D', 'up', 70, 1);
INSERT INTO network_sensitivity (grid_node_id, unit_grid_node_id, sensitivity, valid, source) VALUES (1, 3, 0.5, '2031-01-01T00:00Z/infinity', 'load flow');
SELECT merit_order('{1}', 1, 'up', 150, '2031-01-07T17:00Z/PT2H', confidence => 0.5, at => '2031-01-07T15:00Z') AS bounded \gset
SELECT rank, unit_id, most_kw, sensitivity, power_kw, expected_kw, cost FROM merit_order_unit WHERE merit_order_id = :bounded ORDER BY rank, unit_id;
SELECT proposed_kw, expected_kw, firm_kw, covered FROM merit_order WHERE id = :bounded;

-- minimums, a constraint period, no effect, a portfolio; and a limit with room for one of two that are whole or not at all
BEGIN;
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (6, 'feeder', 'Quay 1', 1), (7, 'feeder', 'Quay 2', 1), (8, 'feeder', 'Quay 3', 1);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (6, 3), (7, 3), (8, 3);
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (3, 1, 'Winter 2033', now() - interval '1 hour', now() + interval '1 hour');
INSERT INTO competition_terms (competition_id, order_features) VALUES (3, '{minimum,all_or_nothing}');
INSERT INTO competition_requirement (competition_id, product_id, delivery_window, direction, power_kw) VALUES (3, 1, '2033-01-01T00:00Z/2033-02-01T00:00Z', 'up', 1000);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, profile) SELECT i, 'unit ' || i, CASE i WHEN 402 THEN 6 WHEN 403 THEN 7 WHEN 408 THEN 8 WHEN 409 THEN 8 ELSE 2 END, 500, '{"up_kw": 50, "notice": "PT20M"}' FROM generate_series(401, 409) i WHERE i <> 404;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 3, '2020-01-01T00:00Z/infinity' FROM asset WHERE id > 400;
INSERT INTO portfolio (id, name, service_provider_id, grid_node_id) VALUES (404, 'two of them', 3, 2);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (404, 405, 30, '2020-01-01T00:00Z/infinity'), (404, 406, 30, '2020-01-01T00:00Z/infinity');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
SELECT 5000 + i, 3, 1, 3, i, 'up', 60, '2033-01-01T00:00Z/2033-02-01T00:00Z', 20 FROM unnest('{401,408,409}'::integer[]) i;
INSERT INTO bid_terms (bid_id, minimum_kw, minimum_share) VALUES (5401, 50, NULL), (5408, NULL, 1), (5409, NULL, 1);
COMMIT;
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
SELECT i * 10, CASE WHEN i IN (401, 408, 409) THEN 5000 + i END, 1, 3, nullif(i, 404), CASE i WHEN 404 THEN i END, 'up', CASE i WHEN 404 THEN 50 ELSE 60 END, '2033-01-01T00:00Z/2033-02-01T00:00Z', 20 + i % 10 FROM unnest('{401,402,403,404,408,409}'::bigint[]) i;
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (4401, 4010, 1, 3, 401, 'up', 20, '2033-01-07T16:30Z/PT1H');
INSERT INTO constraint_period (grid_node_id, valid, direction, operator_id) VALUES (6, '2033-01-07T00:00Z/P1D', 'up', 1);
INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (8, '2033-01-07T00:00Z/P1D', 'up', 100, 1);
UPDATE network_sensitivity SET valid = '2031-01-01T00:00Z/2032-01-01T00:00Z';
INSERT INTO network_sensitivity (grid_node_id, unit_grid_node_id, sensitivity, valid, source) VALUES (1, 7, 0, '2031-01-01T00:00Z/infinity', 'load flow');
SELECT merit_order('{1}', 1, 'up', 500, '2033-01-07T17:00Z/PT1H', correlation => 0.1, at => '2033-01-07T12:00Z') AS few \gset
SELECT rank, unit_id, least_kw, most_kw, power_kw, notice_ok, excluded_because FROM merit_order_unit WHERE merit_order_id = :few ORDER BY unit_id;
-- twenty minutes is what its members need
SELECT merit_order('{1}', 1, 'up', 20, '2033-01-07T17:00Z/PT1H', correlation => 0.1, at => '2033-01-07T16:45Z') AS soon \gset
SELECT unit_id, excluded_because FROM merit_order_unit WHERE merit_order_id = :soon AND unit_id = 404;

-- ---------------------------------------------------------------- bids, where they are to count

INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (6001, 1, 1, 4, 301, 'up', 20, '2032-01-07T17:00Z/PT1H', 1), (6002, 1, 1, 4, 302, 'up', 20, '2032-01-07T17:00Z/PT1H', 1);
INSERT INTO qualification (id, asset_id, product_id, service_provider_id, status) VALUES (3, 301, 1, 4, 'requested');
UPDATE qualification SET status = 'prequalification' WHERE id = 3;
UPDATE qualification SET status = 'prequalified' WHERE id = 3;
-- a sealed bid does not, whatever instant is asked about
SELECT merit_order('{1}', NULL, 'up', 5, '2032-01-07T17:00Z/PT1H', at => '2032-01-07T12:00Z', with_bids => true) AS sealed \gset
SELECT count(*) AS sealed_bids_told FROM merit_order_unit WHERE merit_order_id = :sealed AND stage = 'bid';
UPDATE competition SET gate_closes_at = now() WHERE id = 1;
SELECT merit_order('{1}', NULL, 'up', 5, '2032-01-07T17:00Z/PT1H', at => '2032-01-07T12:00Z', with_bids => true) AS with_bids, merit_order('{1}', NULL, 'up', 5, '2032-01-07T17:00Z/PT1H', at => '2032-01-07T12:00Z') AS without \gset
SELECT unit_id, stage, power_kw > 0 AS taken, excluded_because FROM merit_order_unit WHERE merit_order_id IN (:with_bids, :without) ORDER BY unit_id;

-- ---------------------------------------------------------------- against every choice that there is

-- all or nothing: every subset of up to eight units, under each assumption
CREATE TEMP TABLE book AS
  SELECT k.kind, x.s, x.n, x.ids, x.kw, x.cost, (SELECT array_agg(a * b ORDER BY i) FROM unnest(x.kw, x.ratio) WITH ORDINALITY y (a, b, i)) AS mean,
    (SELECT array_agg(a * CASE k.kind WHEN 'on_off' THEN sqrt(b * (1 - b)) ELSE c END ORDER BY i) FROM unnest(x.kw, x.ratio, x.spread) WITH ORDINALITY y (a, b, c, i)) AS deviation, CASE k.kind WHEN 'normal' THEN (x.s % 4) * 0.2 ELSE 0 END::float8 AS correlation
  FROM (VALUES ('normal'), ('on_off'), ('bonferroni')) k (kind)
  CROSS JOIN (SELECT s, 3 + s % 6 AS n, array_agg(i::bigint ORDER BY i) AS ids, array_agg((10 + mod(abs(hashint8extended(i, s)), 90))::float8 ORDER BY i) AS kw, array_agg((20 + mod(abs(hashint8extended(i, s + 1000)), 300))::float8 ORDER BY i) AS cost,
                array_agg((0.6 + mod(abs(hashint8extended(i, s + 2000)), 40) / 100.0)::float8 ORDER BY i) AS ratio, array_agg((0.05 + mod(abs(hashint8extended(i, s + 3000)), 30) / 100.0)::float8 ORDER BY i) AS spread
              FROM generate_series(1, 12) s CROSS JOIN LATERAL generate_series(1, 3 + s % 6) i GROUP BY s) x;
CREATE TEMP TABLE answered AS
  SELECT b.*, r.required, c.share, c.firm, c.total, c.least_total
  FROM book b CROSS JOIN LATERAL (SELECT 0.6 * firm_of(b.kind, b.kw, array_fill(1::float8, ARRAY[b.n]), b.mean, b.deviation, b.correlation, 0.9) AS required) r
  CROSS JOIN LATERAL choose_units(b.kind, b.ids, b.kw, array_fill(1::float8, ARRAY[b.n]), b.cost, b.mean, b.deviation, b.correlation, 0.9, r.required, NULL, NULL, NULL, NULL) c
  WHERE r.required > 0;
WITH subset AS (
  SELECT a.kind, a.s, (SELECT sum(c * ((x.bits >> (i - 1)::integer) & 1)) FROM unnest(a.cost) WITH ORDINALITY y (c, i)) AS cost
  FROM answered a CROSS JOIN LATERAL generate_series(1, (1 << a.n) - 1) x (bits)
  WHERE firm_of(a.kind, a.kw, ARRAY(SELECT ((x.bits >> (i - 1)) & 1)::float8 FROM generate_series(1, a.n) i), a.mean, a.deviation, a.correlation, 0.9) >= a.required
), best AS (SELECT kind, s, min(cost) AS cost FROM subset GROUP BY kind, s)
SELECT a.kind, count(*) AS books, count(*) FILTER (WHERE a.firm >= a.required) AS firm_enough, count(*) FILTER (WHERE a.total <= b.cost + 1e-6) AS the_cheapest, round(100 * max(a.total / b.cost - 1)::numeric, 1) AS worst_gap_percent,
  count(*) FILTER (WHERE a.least_total <= b.cost + 1e-6) AS proved_a_bound
FROM answered a JOIN best b USING (kind, s) GROUP BY a.kind ORDER BY a.kind;
-- divided at will: no mixture of twentieths of three units that is firm enough costs less, and what is said to be the least is nearly reached
CREATE TEMP TABLE divided AS
  SELECT b.s, b.kw, b.cost, b.mean, b.deviation, b.correlation, r.required, c.total, c.least_total, c.firm FROM (SELECT * FROM book WHERE kind = 'normal' AND n = 3) b
  CROSS JOIN LATERAL (SELECT 0.7 * firm_of('normal', b.kw, '{1,1,1}', b.mean, b.deviation, b.correlation, 0.95) AS required) r
  CROSS JOIN LATERAL choose_units('normal', b.ids, b.kw, '{0,0,0}', b.cost, b.mean, b.deviation, b.correlation, 0.95, r.required, NULL, NULL, NULL, NULL) c;
SELECT s, firm >= required * (1 - 1e-9) AS firm_enough, round(((SELECT min((cost[1] * x + cost[2] * y + cost[3] * z) / 20) FROM generate_series(0, 20) x, generate_series(0, 20) y, generate_series(0, 20) z
    WHERE firm_normal(ARRAY[mean[1] * x, mean[2] * y, mean[3] * z], ARRAY[deviation[1] * x, deviation[2] * y, deviation[3] * z], correlation, 0.95) >= 20 * required) / total)::numeric, 2) AS twentieths_cost_times, round((total / least_total)::numeric, 4) AS over_least
FROM divided ORDER BY s;

-- of many, a third of them whole or not at all, with two limits: firm enough, within the limits, and how far from what is proved
CREATE TEMP TABLE many AS
  SELECT array_agg(i::bigint ORDER BY i) AS ids, array_agg((5 + mod(abs(hashint8extended(i, 1)), 100))::float8 ORDER BY i) AS kw, array_agg((i % 3 = 0)::integer::float8 ORDER BY i) AS minimum,
    array_agg(((5 + mod(abs(hashint8extended(i, 1)), 100)) * (50 + mod(abs(hashint8extended(i, 2)), 300)))::float8 ORDER BY i) AS cost,
    array_agg(((5 + mod(abs(hashint8extended(i, 1)), 100)) * (0.7 + mod(abs(hashint8extended(i, 3)), 30) / 100.0))::float8 ORDER BY i) AS mean, array_agg(((5 + mod(abs(hashint8extended(i, 1)), 100)) * (0.1 + mod(abs(hashint8extended(i, 4)), 20) / 100.0))::float8 ORDER BY i) AS deviation,
    array_agg((i % 2)::bigint ORDER BY i) FILTER (WHERE i <= 200) AS limit_ids, array_agg(i::bigint ORDER BY i) FILTER (WHERE i <= 200) AS limit_orders, array_agg((5 + mod(abs(hashint8extended(i, 1)), 100))::float8 ORDER BY i) FILTER (WHERE i <= 200) AS limit_kw,
    array_agg((100 + 100 * (i % 2))::float8 ORDER BY i) FILTER (WHERE i <= 200) AS limit_most
  FROM generate_series(1, 2000) i;
SELECT k.kind, k.required, c.firm >= k.required * (1 - 1e-9) AS firm_enough, c.total <= k.times * c.least_total AS near_enough,
  (SELECT bool_and(used <= most + 1e-6) FROM (SELECT sum(c.share[l.o] * l.kw) AS used, min(l.most) AS most FROM unnest(m.limit_ids, m.limit_orders, m.limit_kw, m.limit_most) l (id, o, kw, most) GROUP BY l.id) x) AS within_limits,
  (SELECT bool_and(y = 0 OR y >= least - 1e-9) FROM unnest(c.share, m.minimum) u (y, least)) AS above_least
FROM many m CROSS JOIN (VALUES (1, 'normal', 500, 1.03), (2, 'normal', 20000, 1.001), (3, 'on_off', 2000, 2), (4, 'bonferroni', 500, 10)) k (n, kind, required, times)
CROSS JOIN LATERAL choose_units(k.kind, m.ids, m.kw, m.minimum, m.cost, m.mean, CASE k.kind WHEN 'on_off' THEN ARRAY(SELECT sqrt(a * (b - a)) FROM unnest(m.mean, m.kw) WITH ORDINALITY u (a, b, i) ORDER BY i) ELSE m.deviation END, 0.1, 0.95, k.required, m.limit_ids, m.limit_orders, m.limit_kw, m.limit_most) c
ORDER BY k.n;
-- all that there is, nearly, and more than there is
SELECT x.part, c.firm >= x.part * x.all_of_it * (1 - 1e-9) AS firm_enough, c.least_total IS NOT NULL AS proved
FROM (SELECT m.*, p.part, firm_of('normal', m.kw, array_fill(1::float8, ARRAY[2000]), m.mean, m.deviation, 0.1, 0.95) AS all_of_it FROM many m, (VALUES (0.99), (1.01)) p (part)) x
CROSS JOIN LATERAL choose_units('normal', x.ids, x.kw, x.minimum, x.cost, x.mean, x.deviation, 0.1, 0.95, x.part * x.all_of_it, NULL, NULL, NULL, NULL) c ORDER BY x.part;

-- ---------------------------------------------------------------- following it, or not

SELECT unit_id, power_kw, cost FROM merit_order_unit WHERE merit_order_id = :asked AND rank > 0 ORDER BY rank;
SELECT followed, proposed_cost, instructed_cost, extra_cost, instructed_firm_kw, short_kw, differences
FROM compare_with_merit_order(:asked, ARRAY(SELECT unit_id FROM merit_order_unit WHERE merit_order_id = :asked AND rank > 0), ARRAY(SELECT power_kw FROM merit_order_unit WHERE merit_order_id = :asked AND rank > 0));
SELECT followed, proposed_cost, instructed_cost, extra_cost, instructed_firm_kw, short_kw, jsonb_pretty(differences) FROM compare_with_merit_order(:asked, '{101,102,106,999}', '{100,90,100,50}');
SELECT * FROM compare_with_merit_order(:asked, '{}', '{}');
SELECT close_merit_order(:asked, '{101,102,106}', '{100,90,100}', at => '2030-01-07T12:05Z');
SELECT close_merit_order(:asked, '{101,102,106}', '{100,90,100}', 'unit 106 is on test', '2030-01-07T12:05Z') AS followed;
SELECT close_merit_order(:asked, '{101,102,106}', '{100,90,100}', 'again', '2030-01-07T12:06Z') AS followed;
SELECT close_merit_order(2, ARRAY(SELECT unit_id FROM merit_order_unit WHERE merit_order_id = 2 AND rank > 0), ARRAY(SELECT power_kw FROM merit_order_unit WHERE merit_order_id = 2 AND rank > 0), at => '2030-01-07T12:05Z') AS followed;
SELECT merit_order_id, status, reason, happened_at FROM merit_order_step WHERE merit_order_id IN (:asked, 2) ORDER BY id;
UPDATE merit_order SET firm_kw = 0;
UPDATE merit_order_unit SET power_kw = 0;
TRUNCATE merit_order_unit;

-- ---------------------------------------------------------------- for a need, window by window

INSERT INTO need (id, market_operator_id, service_code, name, grid_node_id, direction, power_kw, delivery_window, status) VALUES (1, 1, 'OUrt', 'Winter evenings', 1, 'up', 100, '2030-01-08T17:00Z/PT4H', 'published');
INSERT INTO need_window (need_id, delivery_window, power_kw) VALUES (1, '2030-01-08T17:00Z/PT1H', 100), (1, '2030-01-08T19:00Z/PT1H', 50);
SELECT merit_order(1, correlation => 0.2, at => '2030-01-08T12:00Z');
SELECT need_id, product_ids, grid_node_id, delivery_window, power_kw, firm_kw, covered FROM merit_order WHERE need_id = 1 ORDER BY delivery_window;
SELECT merit_order(2);

-- ---------------------------------------------------------------- what is refused, and who reads what

\set VERBOSITY default
SELECT merit_order('{}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H');
SELECT merit_order('{1,77}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H');
SELECT merit_order('{1,3}', 1, 'up', 200, '2030-01-07T17:00Z/PT1H');
SELECT merit_order('{1}', 77, 'up', 200, '2030-01-07T17:00Z/PT1H');
SELECT merit_order('{1}', 1, 'up', 0, '2030-01-07T17:00Z/PT1H');
SELECT merit_order('{1}', 1, 'sideways', 1, '2030-01-07T17:00Z/PT1H');
SELECT merit_order('{1}', 1, 'up', 1, '2030-01-07T17:00Z/infinity');
SELECT merit_order('{1}', 1, 'up', 1, '2030-01-07T17:00Z/PT1H', confidence => 0.4);
SELECT merit_order('{1}', 1, 'up', 1, '2030-01-07T17:00Z/PT1H', correlation => 2);
SELECT merit_order('{1}', 1, 'up', 1, '2030-01-07T17:00Z/PT1H', method => 'guess');
SELECT merit_order('{1}', 1, 'up', 1, '2030-01-07T17:00Z/PT1H', method => 'on_off', correlation => 0.3);
SELECT merit_order('{3}', 4, 'up', 1, '2030-01-07T17:00Z/PT1H', need_id => 1);
SELECT * FROM compare_with_merit_order(77, '{}', '{}');
SELECT * FROM compare_with_merit_order(:asked, '{101,101}', '{1,1}');
SELECT * FROM compare_with_merit_order(:asked, '{101}', '{-1}');
\set VERBOSITY terse
CREATE ROLE merit_buyer IN ROLE flexexchange_participant;
CREATE ROLE merit_other_buyer IN ROLE flexexchange_participant;
CREATE ROLE merit_seller IN ROLE flexexchange_participant;
CREATE ROLE merit_regulator IN ROLE flexexchange_regulator;
CREATE ROLE merit_operator IN ROLE flexexchange_operator;
INSERT INTO participant_login (role_name, participant_id) VALUES ('merit_buyer', 1), ('merit_other_buyer', 2), ('merit_seller', 3);
-- that another buyer calls a unit is said, and not when
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (4299, 3, 3, 207, 'up', 10, '2030-01-09T15:00Z/PT1H');
SELECT merit_order('{1}', NULL, 'up', 5, '2030-01-09T17:00Z/PT1H', at => '2030-01-07T12:00Z') AS elsewhere \gset
SELECT unit_id, excluded_because FROM merit_order_unit WHERE merit_order_id = :elsewhere AND unit_id = 207;
SET ROLE merit_buyer;
SELECT merit_order('{1}', 1, 'up', 100, '2030-01-07T17:00Z/PT1H', at => '2030-01-07T12:00Z') AS mine \gset
SELECT count(*) > 0 AS proposals, (SELECT count(*) > 0 FROM merit_order_unit) AS units, (SELECT count(*) > 0 FROM merit_order_step) AS steps FROM merit_order;
SELECT asked_by, covered FROM merit_order WHERE id = :mine;
SELECT followed, extra_cost FROM compare_with_merit_order(:mine, '{106}', '{100}');
SELECT unit_id, events FROM delivery_reliability('{103}', '{1}', at => '2030-01-07T00:00Z');
SELECT close_merit_order(:mine, '{106}', '{100}', 'on test', at => '2030-01-07T12:05Z') AS followed;
-- it is closed when it is, and at another time by the operator of the exchange alone
SELECT close_merit_order(:mine, '{106}', '{100}', 'on test') AS followed;
SELECT merit_order('{1}', 1, 'up', 100, '2030-01-07T17:00Z/PT1H', at => '2030-01-07T12:00Z') AS another \gset
SET ROLE merit_operator;
SELECT close_merit_order(:another, '{106}', '{100}', 'on test', at => '2030-01-07T12:05Z') AS followed;
SET ROLE merit_buyer;
INSERT INTO merit_order_step (merit_order_id, status, happened_at) VALUES (:mine, 'followed', now());
SELECT merit_order('{3}', 4, 'up', 1, '2030-01-07T17:00Z/PT1H');
SET ROLE merit_other_buyer;
SELECT count(*) AS proposals, (SELECT count(*) FROM merit_order_unit) AS units, (SELECT count(*) FROM merit_order_step) AS steps FROM merit_order;
SELECT merit_order('{1}', 1, 'up', 100, '2030-01-07T17:00Z/PT1H');
SELECT close_merit_order(:mine, '{106}', '{100}', 'x');
SELECT unit_id, events FROM delivery_reliability('{103}', '{1}', at => '2030-01-07T00:00Z');
SET ROLE merit_seller;
SELECT count(*) AS proposals, (SELECT count(*) FROM merit_order_unit) AS units, (SELECT count(*) FROM merit_order_step) AS steps FROM merit_order;
SELECT merit_order('{1}', 1, 'up', 100, '2030-01-07T17:00Z/PT1H');
SELECT unit_id, events FROM delivery_reliability(at => '2030-01-07T00:00Z') ORDER BY unit_id;
SELECT count(*) > 0 AS factors FROM derating_factor;
SET ROLE merit_regulator;
SELECT count(*) > 0 AS proposals, (SELECT count(*) > 0 FROM merit_order_unit) AS units FROM merit_order;
SELECT followed FROM compare_with_merit_order(:mine, '{106}', '{100}');
RESET ROLE;
SELECT table_name, count(*) > 0 AS logged FROM event_log WHERE table_name LIKE 'merit\_order%' GROUP BY 1 ORDER BY 1;
SELECT min(id) AS event FROM event_log WHERE table_name = 'merit_order_unit' \gset
SET ROLE merit_operator;
SELECT count(*) FROM merit_order;
SELECT count(*) AS events_of_it FROM event_log WHERE id = :event;
RESET ROLE;
SET client_min_messages = warning;
SELECT flexexchange.drop_exchange('merit_test', true);
DROP ROLE merit_buyer, merit_other_buyer, merit_seller, merit_regulator, merit_operator;
