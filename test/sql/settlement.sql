-- Settlement: published sums to the penny, runs that can be made again, and what changed between them.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('settle_test');
SET search_path = settle_test, flexexchange;

-- ---------------------------------------------------------------- curves and money

SELECT x, piecewise_linear(x, '{0.25,0.5,0.5,1}', '{0,0.5,0.8,1}') AS y FROM unnest('{-1,0.25,0.375,0.499,0.5,0.75,1,7}'::numeric[]) x;
SELECT piecewise_linear(3, '{1}', '{0.8558}') AS level, piecewise_linear(1::numeric / 3, '{0,1}', '{0,1}') AS third, piecewise_linear(NULL, '{1}', '{1}') AS nothing;
SELECT at, value, is_piecewise(at::numeric[], value::numeric[]) FROM (VALUES ('{1,2}', '{1,2}'), ('{1,1}', '{1,2}'), ('{1,1,1}', '{1,2,3}'), ('{2,1}', '{1,2}'), ('{1}', '{1,2}'), ('{}', '{}'), ('{1,NULL}', '{1,2}'), ('{NaN}', '{1}'), ('{1}', '{Infinity}'), ('{{1,2}}', '{{1,2}}')) v (at, value);
\set VERBOSITY sqlstate
SELECT piecewise_linear(1, '{1,2}', '{1}');
SELECT piecewise_linear('NaN', '{1}', '{1}');
\set VERBOSITY terse
SELECT v, round_money(v, 2, 'half_away') AS away, round_money(v, 2, 'half_even') AS even, round_money(v, 2, 'down') AS down FROM unnest('{0.125,0.135,-0.125,2.675,-2.679,1,123456789012345678901234.125}'::numeric[]) v;

-- ---------------------------------------------------------------- published sums
-- each by a mechanism, from energy in kWh, seconds and a price

CREATE FUNCTION pg_temp.mechanism(changes jsonb) RETURNS settlement_mechanism LANGUAGE sql AS $$
  SELECT jsonb_populate_record(m, changes) FROM settlement_mechanism m WHERE m.code = changes ->> 'code' ORDER BY m.version DESC LIMIT 1 $$;

-- USEF Flex Trading Protocol: baseline 10 MW, 2 MW less ordered, 7 EUR/MW, penalty 11 EUR/MW, a quarter of an hour
SELECT allocation, 10 - allocation AS realised, least(greatest(p.delivered, 0), 2) AS delivered, p.payment AS paid, p.shortfall AS deficiency, p.penalty, p.amount AS settlement
FROM generate_series(7, 11) allocation CROSS JOIN LATERAL payment(pg_temp.mechanism('{"code": "uftp", "penalty_price": 11}'), 500, (10 - allocation) * 250, 900, 7) p ORDER BY 1;

-- NGED, earnings page: 150 chargers of 0.083 kW, 129 h, 1,812 GBP/MW/h; and a battery of 0.5 MW, 228 h, 2,440.80 GBP
SELECT p.requested, p.exact_amount, round(p.amount, 2) AS shown FROM payment(pg_temp.mechanism('{"code": "requested-availability"}'), 150 * 0.083 * 129, NULL, 129 * 3600, 1812) p;
SELECT p.requested, p.exact_amount, round(p.amount, 2) AS shown, round(2440.80 / p.requested, 4) AS price FROM payment(pg_temp.mechanism('{"code": "requested-availability"}'), 500 * 228, NULL, 228 * 3600, 21.4105) p;
-- Capacity Market: 1 MW of demand response, T-4 2029/30, 27.10 GBP/kW derated by 0.8558; 1 MW of two-hour storage, T-4 2028/29, 60 GBP/kW by 0.2094
SELECT year, p.price_paid, p.amount FROM (VALUES ('2029/30', 27.10, 0.8558), ('2028/29', 60, 0.2094)) v (year, price, derating)
CROSS JOIN LATERAL payment(pg_temp.mechanism(jsonb_build_object('code', 'capacity-market', 'price_share', derating)), 8760000, NULL, 8760 * 3600, price * 1000) p ORDER BY 1;
-- GB standard agreement: 1,000 GBP thirty days late, base rate 4 % and two more
SELECT late_interest(1000, 30, 0.04);
-- ElectronConnect: offers of two components each, all paid as bid
SELECT kw, sum(p.amount) AS paid FROM (VALUES (525, 15.00, 12.00), (50, 8.00, 23.67), (94, 16.67, 20.34)) v (kw, first, second), unnest(ARRAY[first, second]) price
CROSS JOIN LATERAL payment(pg_temp.mechanism('{"code": "uftp"}'), 1000, 1000, 3600, price) p GROUP BY kw ORDER BY paid;
-- Western Power (Western Australia): 27,000 AUD/MW over 26 events, a fifth of it for availability; three events, rounded each or in all
SELECT a.amount AS availability, p.amount AS performance, a.amount + p.amount AS event, 3 * (a.amount + p.amount) AS three_events, round(3 * (a.exact_amount + p.exact_amount), 4) AS not_rounded
FROM payment(pg_temp.mechanism('{"code": "wa-event-availability"}'), 1000, NULL, 3600, 27000 / 26.0) a, payment(pg_temp.mechanism('{"code": "wa-event-performance"}'), 1000, 1000, 3600, 27000 / 26.0) p;
SELECT p.delivered AS achieved_mw FROM payment(pg_temp.mechanism('{"code": "wa-event-performance"}'), 1000, 2600 - 2000, 3600, 0) p;
-- PJM capacity performance: Net CONE of 300 USD/MW-day, 30 h; 1 MW missing for an hour and for five minutes
SELECT seconds, p.penalty, p.amount FROM unnest('{3600,300}'::integer[]) seconds CROSS JOIN LATERAL payment(pg_temp.mechanism(jsonb_build_object('code', 'pjm-capacity-performance', 'penalty_price', 300 * 365 / 30.0)), seconds / 3.6, 0, seconds, 0) p;
-- ISO New England: obligation 100 MW, actual 80, one hour, 9,337 USD/MWh; balancing ratio 1.031, and capped at 1
SELECT ratio, p.amount FROM unnest('{1.031,1}'::numeric[]) ratio CROSS JOIN LATERAL payment(pg_temp.mechanism('{"code": "iso-ne-pay-for-performance"}'), 100000 * ratio, 80000, 3600, 9337) p;
-- ConEd Distribution Load Relief: pledge 100 kW, 80 kW over four hours, 18 USD/kW-month and 1 USD/kWh
SELECT r.factor, r.amount AS reservation, p.amount AS performance
FROM payment(pg_temp.mechanism('{"code": "coned-dlrp-reservation"}'), 100, NULL, 3600, 18000, 80 / 100.0) r, payment(pg_temp.mechanism('{"code": "coned-dlrp-performance"}'), 400, 320, 14400, 1000) p;

-- Dynamic Containment, low: 50 MW, a step from 50 to 49.5 Hz at t = 0, twenty samples a second; two seconds before it
CREATE FUNCTION pg_temp.contained(starts numeric, rate numeric, settles numeric) RETURNS TABLE (t numeric, lower_mw numeric, upper_mw numeric, error numeric, lasting numeric) LANGUAGE sql AS $$
  SELECT (e.sample - 41) / 20.0, e.lower_mw, e.upper_mw, e.error, e.lasting
  FROM (SELECT array_agg(CASE WHEN i < 0 THEN 50 ELSE 49.5 END ORDER BY i) AS frequency, array_agg(greatest(least(settles, rate * (i / 20.0 - starts)), 0) ORDER BY i) AS response FROM generate_series(-40, 60) i) x
  CROSS JOIN LATERAL response_error(x.frequency, x.response, 50, '{49.5,49.6,49.65,49.8,49.9,49.985}', '{1,0.683333,0.525,0.05,0.022973,0}') e $$;
SELECT round(t, 2) AS t, round(lower_mw, 2) AS lower, round(upper_mw, 2) AS upper FROM pg_temp.contained(0.25, 200, 50) WHERE round(t, 2) IN (0.20, 0.25, 0.40, 0.50, 0.55, 0.60, 0.75, 0.85, 1.00) ORDER BY 1;
SELECT starts, rate, settles, (SELECT round(max(c.lasting), 4) FROM pg_temp.contained(starts, rate, settles) c) AS result
FROM (VALUES (1, 0.25, 200, 50), (2, 0.5, 100, 50), (3, 0.6, 100, 50), (4, 1.0, 100, 50), (5, 0.5, 100, 48), (6, 0.5, 100, 46.5), (7, 0.5, 100, 40)) v (n, starts, rate, settles) ORDER BY n;
-- nothing is asked for in a gap, and anything will do for a second after it
SELECT sample, lower_mw, upper_mw, error FROM response_error(array_fill(50, ARRAY[30]) || NULL::numeric || array_fill(49.5, ARRAY[22]), array_fill(0, ARRAY[53]), 10, '{49.5,50}', '{1,0}') WHERE sample IN (1, 20, 30, 31, 32, 51, 52, 53) ORDER BY sample;
SELECT * FROM response_error('{50}', '{0,0}', 10, '{49.5,50}', '{1,0}');

-- ---------------------------------------------------------------- the rest of the arithmetic

SELECT x.what, p.measure, p.factor, p.paid_volume, p.payment, p.shortfall, p.penalty, p.clawback, p.amount
FROM (VALUES (1, 'capped', '{"code": "dfs"}', 1500, NULL::numeric), (2, 'capped higher', '{"code": "dfs", "cap_ratio": 1.2}', 1500, NULL), (3, 'the other way', '{"code": "dfs"}', -10, NULL),
  (4, 'not known', '{"code": "dfs"}', NULL, NULL), (5, 'grace', '{"code": "dfs", "grace": 0.05, "penalty_of_price": 2}', 950, NULL), (6, 'penalty', '{"code": "dfs", "grace": 0.05, "penalty_of_price": 2}', 900, NULL),
  (7, 'penalty capped', '{"code": "dfs", "penalty_of_price": 9, "penalty_cap": 0.5}', 0, NULL), (8, 'floor', '{"code": "dfs", "penalty_of_price": 9, "least_amount": 0}', 100, NULL),
  (9, 'clawback', '{"code": "requested-availability", "clawback_at": [0.5, 1], "clawback": [1, 0]}', 1000, 0.9), (10, 'below a step', '{"code": "dfs", "factor_at": [0.5, 0.5], "factor": [0, 1]}', 499, NULL),
  (11, 'at a step', '{"code": "dfs", "factor_at": [0.5, 0.5], "factor": [0, 1]}', 500, NULL)) x (n, what, changes, delivered, clawback_measured)
CROSS JOIN LATERAL payment(pg_temp.mechanism(x.changes::jsonb), 1000, x.delivered, 3600, 100, NULL, x.clawback_measured) p ORDER BY x.n;

-- ---------------------------------------------------------------- mechanisms are versions

INSERT INTO settlement_mechanism (code, name, factor_at, factor, confirmed, source) VALUES ('own', 'x', '{1,0}', '{0,1}', true, 'x');
INSERT INTO settlement_mechanism (code, name, factor_at, confirmed, source) VALUES ('own', 'x', '{1}', true, 'x');
INSERT INTO settlement_mechanism (code, name, penalty_price, penalty_of_price, confirmed, source) VALUES ('own', 'x', 1, 1, true, 'x');
INSERT INTO settlement_mechanism (code, name, rounding, confirmed, source) VALUES ('own', 'x', 'half_even', true, 'x');
INSERT INTO settlement_mechanism (code, name, measured_over, confirmed, source) VALUES ('own', 'x', 'week', true, 'x');
UPDATE settlement_mechanism SET cap_ratio = 2 WHERE code = 'dfs';
SELECT code, confirmed FROM settlement_mechanism WHERE NOT confirmed ORDER BY code COLLATE "C";

-- ---------------------------------------------------------------- a month

CREATE ROLE settle_dso IN ROLE flexexchange_participant;
CREATE ROLE settle_neso IN ROLE flexexchange_participant;
CREATE ROLE settle_volt IN ROLE flexexchange_participant;
CREATE ROLE settle_amp IN ROLE flexexchange_participant;
CREATE ROLE settle_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('settle_dso', 1), ('settle_neso', 2), ('settle_volt', 3), ('settle_amp', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1), (2, 'neso', 'Response', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SA', 'Scheduled Availability', 'SAda'), (2, 2, 'DFS', 'Demand Flexibility', 'DFS');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'battery', 1000), (12, 'chargers', 1000);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '2020-01-01T00:00Z/infinity'), (12, 4, '2020-01-01T00:00Z/infinity');
INSERT INTO settlement_mechanism (id, code, version, name, cap_ratio, measured_over, factor_at, factor, clawback_at, clawback, rounds_at, confirmed, source) VALUES
  (101, 'monthly', 1, 'scaled by the month', 1, 'month', '{0.5,1}', '{0,1}', NULL, NULL, 'line', true, 'test'),
  (102, 'kept', 1, 'taken back by what dispatches missed', 1, 'period', NULL, NULL, '{0.5,1}', '{1,0}', 'statement', true, 'test');
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status) VALUES
  (1, 1, 3, 11, 'up', 100, '2024-11-04T16:00Z/PT4H', 12.345, 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (2, 1, 1, 3, 11, 'up', 100, '2024-11-04T17:00Z/PT1H', 333.33);
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status) VALUES
  (3, 1, 3, 11, 'up', 100, '2024-11-30T23:30Z/PT1H', 333.33, 'instructed'), (4, 1, 4, 12, 'up', 50, '2024-11-05T17:00Z/PT1H', NULL, 'instructed'), (5, 1, 4, 12, 'up', 50, '2024-11-06T17:00Z/PT1H', 200, 'cancelled'),
  (6, 1, 4, 12, 'up', 50, '2024-11-07T17:00Z/PT1H', 200, 'instructed'), (7, 2, 4, 12, 'up', 50, '2024-11-08T17:00Z/PT1H', 200, 'instructed'), (8, 1, 4, 12, 'up', 50, '2024-11-09T17:00Z/PT30M', 200, 'instructed');
-- the buyer records what was delivered, half-hour by half-hour
SET ROLE settle_dso;
INSERT INTO delivery (availability_id, delivery_window, requested_kwh, delivered_kwh, source) VALUES (1, '2024-11-04T16:00Z/PT4H', 400, 400, 'piclo');
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, evidence) VALUES
  (2, '2024-11-04T17:00Z/PT30M', 50, 45, 'readings of 5 November'), (2, '2024-11-04T17:30Z/PT30M', 50, 50, NULL), (3, '2024-11-30T23:30Z/PT30M', 50, 55, NULL), (3, '2024-12-01T00:00Z/PT30M', 50, 50, NULL),
  (4, '2024-11-05T17:00Z/PT1H', 50, 50, NULL), (5, '2024-11-06T17:00Z/PT1H', 50, 50, NULL), (6, '2024-11-07T17:00Z/PT1H', 50, 40, NULL), (8, '2024-11-09T17:00Z/PT30M', 25, NULL, NULL);
-- of trades of others, or of none; of time beyond the trade; of a part of what was said already
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (7, '2024-11-08T17:00Z/PT1H', 50, 50);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (99, '2024-11-08T17:00Z/PT1H', 50, 50);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (6, '2024-11-07T17:00Z/PT2H', 50, 50);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (6, '2024-11-07T17:00Z/PT30M', 25, 25);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (6, '2024-11-07T17:00Z/PT1H', -1, 50);
UPDATE delivery SET delivered_kwh = 50;
-- and says how it pays
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'dispatch', 101);
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id, valid) VALUES (1, 'dispatch', 102, '2024-12-01T00:00Z/infinity');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (2, 'dispatch', 101);
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'availability', 102);
SELECT trade_id, reason FROM unsettled_deliveries(1, '2024-11-15') ORDER BY trade_id;
SELECT settle(1, '2024-11-15', 'final') IS NULL;
SELECT settle(2, '2024-11-15', 'initial') IS NULL;
SELECT settle(1, '2024-11-15', 'initial') AS initial \gset
SELECT l.trade_id, l.stage, l.delivery_window, trim_scale(l.requested) AS requested, trim_scale(l.delivered) AS delivered, trim_scale(l.measured) AS measured, trim_scale(l.factor) AS factor, trim_scale(l.payment) AS payment, trim_scale(l.clawback) AS clawback, trim_scale(l.amount) AS amount
FROM settlement_line l ORDER BY l.trade_id, l.delivery_window;
SELECT month, number, kind, service_provider, lines, currency, trim_scale(amount) AS amount, trim_scale(rounding) AS rounding, total, change FROM monthly_statement ORDER BY service_provider_id;
SELECT e.* FROM settlement_line l CROSS JOIN LATERAL explain_settlement_line(l.run_id, l.delivery_id) e WHERE l.stage = 'availability' ORDER BY e.step;

-- ---------------------------------------------------------------- again: the same; and when something changed

SELECT * FROM check_settlement_run(:initial);
SELECT settle(1, '2024-11-01', 'initial') IS NULL;
SELECT settle(1, '2024-11-01', 'revised', 'to see') AS again \gset
SELECT bool_and(a.digest = b.digest AND a.total = b.total) AS the_same, count(*) FROM settlement_statement a JOIN settlement_statement b USING (service_provider_id) WHERE a.run_id = :initial AND b.run_id = :again;
SELECT count(*) AS changes FROM settlement_changes(:again);
-- invoiced from the last run: the net of the statement and VAT on it, numbered without gaps
SELECT count(*) FROM issue_invoices(:initial, 0.2);
SELECT count(*) FROM issue_invoices(:again, 1.2);
SELECT number, service_provider_id, net, vat, gross, currency, due_on - issued_on AS days FROM issue_invoices(:again, 0.2) ORDER BY number;
SELECT count(*) FROM issue_invoices(:again, 0.2);
-- a reading is corrected, a price comes, a dispatch is cancelled
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, evidence) VALUES (2, '2024-11-04T17:00Z/PT30M', 50, 35, 'readings of 9 November');
UPDATE dispatch SET utilisation_price_per_mwh = 200 WHERE id = 4;
UPDATE dispatch SET status = 'cancelled' WHERE id = 6;
SELECT count(*) AS rows, count(superseded_at) AS superseded FROM delivery WHERE dispatch_id = 2;
SELECT settle(1, '2024-11-01', 'final', 'readings corrected') AS final \gset
SELECT trade_id, delivery_window, trim_scale(before) AS before, trim_scale(after) AS after, trim_scale(change) AS change, cause, regexp_replace(regexp_replace(detail, 'recorded [^,;]+', 'recorded ...'), 'deliver(y|ies) [0-9]+( for [0-9]+)?', 'delivery N') AS detail,
       (SELECT array_agg(d.dispatch_id || ' ' || lower(d.delivery_window)::time) FROM delivery d WHERE d.id = ANY (c.changed_deliveries)) AS changed
FROM settlement_changes(:final) c ORDER BY trade_id, delivery_window;
SELECT (SELECT sum(change) FROM settlement_changes(:final)) = (SELECT sum(amount) FROM settlement_statement WHERE run_id = :final) - (SELECT sum(amount) FROM settlement_statement WHERE run_id = :again) AS adds_up;
SELECT service_provider, lines, trim_scale(amount) AS amount, total, change FROM monthly_statement WHERE run_id = :final ORDER BY service_provider_id;
-- and the difference, which is a credit note where less is owed
SELECT number, service_provider_id, net, vat, gross FROM issue_invoices(:final, 0, 14, 4);
SELECT number, service_provider_id, net, vat, gross FROM issue_invoices(:final, 0.2, 14);
SELECT service_provider_id, sum(net) = (SELECT s.total FROM settlement_statement s WHERE s.run_id = :final AND s.service_provider_id = i.service_provider_id) AS invoiced FROM invoice i GROUP BY 1 ORDER BY 1;
SELECT settle(1, '2024-11-01', 'revised') IS NULL;
-- earlier runs are as they were
SELECT count(*) FROM check_settlement_run(:initial);
SELECT count(*) FROM check_settlement_run(:final);
SELECT s.run_id - :initial AS run, bool_and(s.amount = l.amount AND s.lines = l.lines) AS adds_up FROM settlement_statement s JOIN (SELECT run_id, service_provider_id, sum(amount) AS amount, count(*) AS lines FROM settlement_line GROUP BY 1, 2) l USING (run_id, service_provider_id) GROUP BY 1 ORDER BY 1;
RESET ROLE;
-- whoever could change a line would be found out
BEGIN;
ALTER TABLE settlement_line DISABLE TRIGGER t10_is_kept;
UPDATE settlement_line SET amount = amount + 1, exact_amount = exact_amount + 1 WHERE run_id = :initial AND trade_id = 1;
SELECT rule, count(*) FROM check_settlement_run(:initial) GROUP BY rule ORDER BY rule;
ROLLBACK;
UPDATE settlement_line SET amount = 0;
UPDATE invoice SET net = 0;
TRUNCATE settlement_line;
DELETE FROM settlement_statement WHERE false;

-- ---------------------------------------------------------------- over a trade, by error, by the month before

BEGIN;
INSERT INTO settlement_mechanism (id, code, version, name, basis, measured_by, measured_over, measured_as, factor_at, factor, rounds_at, confirmed, source) VALUES
  (103, 'block', 1, 'x', 'requested', 'error', 'trade', 'worst', '{0.1,0.5}', '{1,0}', 'line', true, 'test'), (104, 'block', 2, 'x', 'requested', 'ratio', 'trade', 'worst', '{0,1}', '{0,1}', 'line', true, 'test'),
  (105, 'block', 3, 'x', 'requested', 'ratio', 'trade', 'total', '{0,1}', '{0,1}', 'line', true, 'test'), (106, 'block', 4, 'x', 'requested', 'ratio', 'previous_month', 'total', '{0,1}', '{0,1}', 'line', true, 'test');
INSERT INTO product (id, market_id, code, name, service_code) SELECT i, 2, 'P' || i, 'product', 'DFS' FROM generate_series(103, 106) i;
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) SELECT i, 'dispatch', i FROM generate_series(103, 106) i;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT i, i, 4, 12, 'up', 1, '2025-01-15T10:00Z/PT1H', 1000 FROM generate_series(103, 106) i;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (107, 106, 4, 12, 'up', 1, '2024-12-31T10:00Z/PT1H', 1000);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, error)
  SELECT i, time_window(t, t + interval '30 minutes'), 100, delivered, e FROM generate_series(103, 106) i, (VALUES (timestamptz '2025-01-15T10:00Z', 50, 0.05), ('2025-01-15T10:30Z', 120, 0.2)) v (t, delivered, e)
  UNION ALL SELECT 107, '2024-12-31T10:00Z/PT1H', 100, 40, NULL;
SELECT settle(2, '2025-01-01', 'initial') AS run \gset
SELECT trade_id, lower(delivery_window)::time AS at, trim_scale(measured) AS measured, trim_scale(factor) AS factor, amount FROM settlement_line WHERE run_id = :run ORDER BY trade_id, delivery_window;
ROLLBACK;

-- ---------------------------------------------------------------- who reads what

SET ROLE settle_volt;
SELECT (SELECT count(*) FROM delivery) AS deliveries, (SELECT count(*) FROM settlement_run) AS runs, (SELECT count(*) FROM settlement_line) AS lines, (SELECT count(DISTINCT service_provider_id) FROM settlement_line) AS providers, (SELECT count(*) FROM settlement_statement) AS statements, (SELECT count(*) FROM invoice) AS invoices;
SELECT settle(1, '2024-11-01', 'initial') IS NULL;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (2, '2024-11-04T17:00Z/PT30M', 50, 50);
INSERT INTO settlement_line (run_id, delivery_id) VALUES (1, 1);
SELECT count(*) FROM issue_invoices(:final, 0.2);
SET ROLE settle_amp;
SELECT (SELECT count(*) FROM delivery) AS deliveries, (SELECT count(*) FROM settlement_run) AS runs, (SELECT count(*) FROM settlement_line) AS lines, (SELECT count(DISTINCT service_provider_id) FROM settlement_line) AS providers, (SELECT count(*) FROM settlement_statement) AS statements, (SELECT count(*) FROM invoice) AS invoices;
SET ROLE settle_neso;
SELECT (SELECT count(*) FROM delivery) AS deliveries, (SELECT count(*) FROM settlement_run) AS runs, (SELECT count(*) FROM settlement_line) AS lines, (SELECT count(*) FROM settlement_statement) AS statements, (SELECT count(*) FROM invoice) AS invoices;
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'availability', 101);
SET ROLE settle_operator;
SELECT (SELECT count(*) FROM delivery) AS deliveries, (SELECT count(*) FROM settlement_run) AS runs, (SELECT count(*) FROM settlement_line) AS lines, (SELECT count(*) FROM settlement_statement) AS statements, (SELECT count(*) FROM invoice) AS invoices;
UPDATE settlement_statement SET amount = 0;
SELECT settle(99, '2024-11-01', 'initial') IS NULL;
-- a book without meters: what was asked for
SELECT record_requested_deliveries(2, '2024-11-01T00:00Z/2024-12-01T00:00Z', 'book'), record_requested_deliveries(2, '2024-11-01T00:00Z/2024-12-01T00:00Z', 'book');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) SELECT 2, 'dispatch', id FROM settlement_mechanism WHERE code = 'requested-energy';
SELECT settle(2, '2024-11-01', 'initial') IS NOT NULL AS settled;
SELECT market_code, service_provider, lines, total FROM monthly_statement WHERE market_code = 'neso';
RESET ROLE;

-- ---------------------------------------------------------------- who is owed nothing any more

INSERT INTO market (id, code, name, market_operator_id) VALUES (3, 'late', 'What comes after', 1);
INSERT INTO settlement_mechanism (id, code, version, name, basis, cap_ratio, measured_over, factor_at, factor, clawback_at, clawback, confirmed, source) VALUES
  (201, 'energy', 1, 'as delivered', 'delivered', 1, 'period', NULL, NULL, NULL, NULL, true, 'test'), (202, 'kept', 2, 'taken back', 'requested', NULL, 'period', NULL, NULL, '{0.5,1}', '{1,0}', true, 'test'),
  (203, 'block', 5, 'by the whole of it', 'requested', NULL, 'trade', '{0,1}', '{0,1}', NULL, NULL, true, 'test');
INSERT INTO product (id, market_id, code, name, service_code) VALUES (3, 3, 'X', 'x', 'SAda'), (4, 3, 'Y', 'y', 'SAda');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (3, 'dispatch', 201), (3, 'availability', 202), (4, 'dispatch', 203);
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (201, 3, 4, 12, 'up', 100, '2030-01-07T16:00Z/PT1H', 100);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (201, '2030-01-07T16:00Z/PT1H', 100, 100);
SELECT settle(3, '2030-01-01', 'initial') AS run \gset
UPDATE dispatch SET status = 'cancelled' WHERE id = 201;
SELECT settle(3, '2030-01-01', 'revised') AS run \gset
SELECT service_provider_id, lines, total FROM settlement_statement WHERE run_id = :run;
SELECT * FROM check_settlement_run(:run);

-- what is not known of a trade does not lower how the rest of it did, and where nothing is known nothing was measured
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (202, 4, 4, 12, 'up', 100, '2030-02-07T16:00Z/PT1H', 100), (203, 4, 4, 12, 'up', 100, '2030-02-08T16:00Z/PT1H', 100), (204, 4, 4, 12, 'up', 100, '2030-02-09T16:00Z/PT1H', 100);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES
  (202, '2030-02-07T16:00Z/PT30M', 50, 50), (202, '2030-02-07T16:30Z/PT30M', 50, NULL), (203, '2030-02-08T16:00Z/PT1H', 100, NULL), (204, '2030-02-09T16:00Z/PT30M', 50, 50), (204, '2030-02-09T16:30Z/PT30M', 50, 0);
SELECT settle(3, '2030-02-01', 'initial') AS run \gset
SELECT trade_id, delivery_window, trim_scale(delivered) AS delivered, trim_scale(measured) AS measured, trim_scale(factor) AS factor, trim_scale(amount) AS amount FROM settlement_line WHERE run_id = :run ORDER BY trade_id, delivery_window;
SELECT * FROM check_settlement_run(:run);

-- who failed keeps nothing of it by withdrawing a minute after the call, and another after that: four hours less two minutes, all taken back
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status) VALUES (301, 3, 4, 12, 'up', 100, '2030-03-04T16:00Z/PT4H', 60, 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (302, 301, 3, 4, 12, 'up', 100, '2030-03-04T16:00Z/PT30M', 100);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (302, '2030-03-04T16:00Z/PT30M', 50, 0);
ALTER SEQUENCE trade_id RESTART 303;
SELECT withdraw_availability(301, 'a minute', during => '2030-03-04T17:00Z/PT1M', at => '2030-03-04T16:45Z') AS first;
SELECT withdraw_availability(303, 'another', during => '2030-03-04T18:00Z/PT1M', at => '2030-03-04T16:45Z') AS second;
SELECT record_requested_deliveries(3, '2030-03-01T00:00Z/2030-04-01T00:00Z');
SELECT settle(3, '2030-03-01', 'initial') AS run \gset
SELECT trade_id, delivery_window, round(payment, 6) AS payment, trim_scale(clawback_measured) AS measured, round(clawback, 6) AS clawback, round(amount, 6) AS amount FROM settlement_line WHERE run_id = :run ORDER BY delivery_window, trade_id;
SELECT * FROM check_settlement_run(:run);

-- recorded ahead, and then cut: an hour is withdrawn of one, and 40 kW of another; what is left is paid once
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status) VALUES
  (401, 3, 4, 12, 'up', 100, '2030-04-04T15:00Z/PT4H', 10, 'accepted'), (402, 3, 3, 11, 'up', 100, '2030-04-04T15:00Z/PT4H', 10, 'accepted'), (403, 3, 3, 11, 'up', 100, '2030-04-05T15:00Z/PT4H', 10, 'accepted');
ALTER SEQUENCE trade_id RESTART 404;
SELECT record_requested_deliveries(3, '2030-04-01T00:00Z/2030-05-01T00:00Z');
SELECT withdraw_availability(401, 'an hour', during => '2030-04-04T16:00Z/PT1H', at => '2030-04-03T00:00Z') AS hour;
SELECT withdraw_availability(402, 'less', power_kw => 40, at => '2030-04-03T00:00Z') AS less;
-- not before it was recorded again
SELECT trade_id, reason FROM unsettled_deliveries(3, '2030-04-01') ORDER BY trade_id;
SELECT record_requested_deliveries(3, '2030-04-01T00:00Z/2030-05-01T00:00Z') AS again, record_requested_deliveries(3, '2030-04-01T00:00Z/2030-05-01T00:00Z') AS and_again;
SELECT settle(3, '2030-04-01', 'initial') AS run \gset
SELECT trade_id, delivery_window, trim_scale(requested) AS mwh, round(amount, 6) AS amount FROM settlement_line WHERE run_id = :run ORDER BY trade_id, delivery_window;
-- a dispatch that was measured, and is found to have ended sooner
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (407, 3, 4, 12, 'up', 100, '2030-04-07T16:00Z/PT2H', 100);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) SELECT 407, time_window(s, s + interval '30 minutes'), 50, 50 FROM generate_series('2030-04-07T16:00Z'::timestamptz, '2030-04-07T17:30Z', '30 minutes') s;
UPDATE dispatch SET delivery_window = '2030-04-07T16:00Z/2030-04-07T16:45Z' WHERE id = 407;
SELECT settle(3, '2030-04-01', 'revised') AS run \gset
SELECT trade_id, delivery_window, trim_scale(requested) AS mwh, round(amount, 6) AS amount FROM settlement_line WHERE run_id = :run AND trade_id = 407 ORDER BY delivery_window;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (407, '2030-04-07T16:30Z/2030-04-07T16:45Z', 25, 25);
SELECT delivery_window, superseded_at IS NULL AS holds FROM delivery WHERE dispatch_id = 407 AND delivery_window && '2030-04-07T16:30Z/PT30M' ORDER BY id;
SELECT settle(3, '2030-04-01', 'revised') AS run \gset
SELECT trade_id, delivery_window, trim_scale(requested) AS mwh, round(amount, 6) AS amount FROM settlement_line WHERE run_id = :run AND trade_id = 407 ORDER BY delivery_window;
SELECT * FROM check_settlement_run(:run);

SELECT flexexchange.drop_exchange('settle_test', with_data => true);
DROP ROLE settle_dso, settle_neso, settle_volt, settle_amp, settle_operator;
