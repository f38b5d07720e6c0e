-- Competitions that recur, their gates in market time, call-offs of a framework, and competitions for needs.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('recur_test');
SET search_path = recur_test, flexexchange;
CREATE ROLE recur_dso IN ROLE flexexchange_participant;
CREATE ROLE recur_volt IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (3, 'Volt', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('recur_dso', 1), ('recur_volt', 3);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES (1, 1, 'SECURE', 'Secure', 'SAda', 'availability'), (2, 1, 'PR', 'Peak Reduction', 'PR', 'award');
INSERT INTO asset (id, name) VALUES (11, 'battery'), (12, 'heat pumps');
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '2020-01-01T00:00Z/infinity'), (12, 3, '2020-01-01T00:00Z/infinity');

-- ---------------------------------------------------------------- the week-ahead timetable of Flexible Power
-- Source: flexiblepower.co.uk as of its first timetable: availability is declared by midnight on Wednesday, requirements
-- are out at midday on Thursday, for the week from Monday; the dispatch notice is 15 minutes.

INSERT INTO market_gate (market_id, stage, closes_before, at_time, on_weekday) VALUES
  (1, 'availability', '4 days', '00:00', 4), (1, 'award', '3 days 12 hours', '12:00', 4), (1, 'instruction', '15 minutes', NULL, NULL), (1, 'baseline', '1 day', '17:00', NULL);
CREATE VIEW pg_temp.timetable AS
  SELECT week::date, s.stage, min(gate_closure(1, s.stage, d)) AS first, max(gate_closure(1, s.stage, d)) AS last
  FROM unnest(ARRAY[date '2026-10-19', date '2026-10-26', date '2026-11-23', date '2027-03-22', date '2027-03-29']) week
  CROSS JOIN unnest(ARRAY['availability', 'award']) AS s (stage)
  CROSS JOIN LATERAL (SELECT d FROM generate_series(local_midnight(week, 'Europe/London'), local_midnight(week + 7, 'Europe/London') - interval '30 minutes', interval '30 minutes') d) x
  GROUP BY week, s.stage;
-- one gate for all deliveries of a week, also when clocks change before or in it, whatever the session's time zone
SELECT week, stage, to_char(first AT TIME ZONE 'Europe/London', 'Dy YYYY-MM-DD HH24:MI') AS gate, first = last AS one_gate FROM pg_temp.timetable ORDER BY week, stage;
CREATE TEMP TABLE in_utc AS SELECT * FROM pg_temp.timetable;
SET TimeZone = 'America/New_York';
SELECT count(*) AS differ FROM (SELECT * FROM pg_temp.timetable EXCEPT SELECT * FROM in_utc) x;
SET TimeZone = 'Europe/London';
SELECT count(*) AS differ FROM (SELECT * FROM pg_temp.timetable EXCEPT SELECT * FROM in_utc) x;
SET TimeZone = 'UTC';
-- days are days of the market, hours are hours
SELECT gate_before('2027-03-28T12:00Z', 'Europe/London', '1 day') AS a_day, gate_before('2027-03-28T12:00Z', 'Europe/London', '24 hours') AS a_day_of_hours, gate_before('2026-10-25T12:00Z', 'Europe/London', '1 day') AS in_autumn;
-- those of a competition, with one gate of its own
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (50, 1, 'Season', '2090-01-01', '2090-02-01');
INSERT INTO competition_gate (competition_id, stage, closes_before) VALUES (50, 'instruction', '2 hours');
INSERT INTO competition_gate (competition_id, stage, closes_before) VALUES (50, 'bid', '2 hours');
SELECT stage, closes_at FROM competition_gates(50, '2090-03-27T17:00Z');

-- ---------------------------------------------------------------- templates

SET ROLE recur_dso;
INSERT INTO competition_template (product_id, name, period, opens_before, closes_before, at_time, on_weekday, terms)
  VALUES (2, 'Evening peaks', 'week', '7 days', '3 days 12 hours', '12:00', 4, '{"pricing": "pay_as_clear", "clearing_price": "highest_accepted", "order_features": ["portfolio", "all_or_nothing"]}') RETURNING id AS weekly \gset
INSERT INTO competition_template_requirement (template_id, lot_name, weekdays, starts_at, ends_at, every, direction, power_kw, ceiling_utilisation_price_per_mwh) VALUES
  (:weekly, 'weekdays', '{1,2,3,4,5}', '17:00', '18:30', '30 minutes', 'up', 500, 300), (:weekly, 'weekend', '{6,7}', '00:00', '24:00', '30 minutes', 'up', 100, 200),
  (:weekly, 'weekend', '{7}', '01:00', '02:00', NULL, 'down', 40, NULL), (:weekly, 'weekend', '{6}', '23:00', '01:00', NULL, 'down', 30, NULL);
-- an autumn, a common and a spring week: Sundays of 25, 24 and 23 hours
SELECT count(*) AS written FROM write_competitions(:weekly, '2088-10-27', '2088-11-02'), (SELECT 1) x;
SELECT count(*) AS again FROM write_competitions(:weekly, '2088-10-25', '2088-11-01');
SELECT count(*) AS spring FROM write_competitions(:weekly, '2089-03-21', '2089-03-21');
SELECT c.name, to_char(c.gate_opens_at AT TIME ZONE 'Europe/London', 'Dy YYYY-MM-DD HH24:MI') AS opens, to_char(c.gate_closes_at AT TIME ZONE 'Europe/London', 'Dy YYYY-MM-DD HH24:MI') AS closes, t.clearing_price,
  count(*) FILTER (WHERE l.name = 'weekdays') AS weekdays, count(*) FILTER (WHERE l.name = 'weekend' AND r.direction = 'up') AS weekend,
  string_agg(r.delivery_window::text, ' ' ORDER BY r.delivery_window) FILTER (WHERE r.direction = 'down') AS nights
FROM competition c JOIN competition_terms t ON t.competition_id = c.id JOIN competition_requirement r ON r.competition_id = c.id JOIN competition_lot l ON l.id = r.lot_id GROUP BY c.id, t.clearing_price ORDER BY c.gate_closes_at;
-- 17:00 is 17:00 on both sides of the change
SELECT DISTINCT to_char(lower(delivery_window) AT TIME ZONE 'Europe/London', 'HH24:MI') AS at FROM competition_requirement r JOIN competition_lot l ON l.id = r.lot_id WHERE l.name = 'weekdays' ORDER BY 1;
-- what is over is not written; what is wrong is said
SELECT count(*) AS past FROM write_competitions(:weekly, '2020-01-06', '2020-01-20');
INSERT INTO competition_template (product_id, name, period, opens_before, terms) VALUES (2, 'Daily', 'day', '1 day', '{"price": 3}') RETURNING id AS daily \gset
SELECT write_competitions(:daily, '2088-06-01', '2088-06-01');
UPDATE competition_template SET closes_before = '1 day', at_time = '10:00' WHERE id = :daily;
SELECT write_competitions(:daily, '2088-06-01', '2088-06-01');
UPDATE competition_template SET terms = '{"max_gap": 2}' WHERE id = :daily;
SELECT write_competitions(:daily, '2088-06-01', '2088-06-01');
UPDATE competition_template SET terms = '{"max_gap": 0.001}' WHERE id = :daily;
SELECT count(*) AS days FROM write_competitions(:daily, '2088-06-01', '2088-06-30');
INSERT INTO competition_template_requirement (template_id, starts_at, ends_at, direction, power_kw, weekdays) VALUES (:daily, '01:00', '02:00', 'up', 5, '{0}');
SET ROLE recur_volt;
SELECT write_competitions(:weekly, '2088-12-01', '2088-12-31');
INSERT INTO competition_template (product_id, name, period, opens_before) VALUES (2, 'mine', 'day', '1 day');
RESET ROLE;

-- ---------------------------------------------------------------- frameworks and call-offs

INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (60, 1, 'Framework', now() - interval '2 days', now() - interval '1 day');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, source) VALUES (6001, 60, 1, 3, 11, 'up', 400, '2090-11-01T00:00Z/2091-03-01T00:00Z', 'paper');
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (6002, 6001, 1, 3, 11, 'up', 400, '2090-11-01T00:00Z/2091-03-01T00:00Z');
SET ROLE recur_dso;
BEGIN;
INSERT INTO competition (product_id, name, gate_closes_at) VALUES (1, 'Call-off', 'infinity') RETURNING id AS calloff \gset
INSERT INTO competition_terms (competition_id, framework_id) VALUES (:calloff, 60);
COMMIT;
SET ROLE recur_volt;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:calloff, 1, 3, 11, 'up', 100, '2090-12-01T17:00Z/PT2H');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:calloff, 1, 3, 12, 'up', 100, '2090-12-01T17:00Z/PT2H');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:calloff, 1, 3, 11, 'down', 100, '2090-12-01T17:00Z/PT2H');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:calloff, 1, 3, 11, 'up', 100, '2091-03-01T17:00Z/PT2H');
-- availability under the framework, until its gate
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (6002, 1, 3, 11, 'up', 100, '2090-12-01T17:00Z/PT2H') RETURNING status;
RESET ROLE;
UPDATE market_gate SET closes_before = '100 years' WHERE stage = 'availability';
SET ROLE recur_volt;
\set VERBOSITY sqlstate
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (6002, 1, 3, 11, 'up', 100, '2090-12-02T17:00Z/PT2H');
\set VERBOSITY terse
-- the framework ends, and with it the right to bid
RESET ROLE;
UPDATE award SET status = 'terminated' WHERE id = 6002;
SET ROLE recur_volt;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:calloff, 1, 3, 11, 'up', 100, '2090-12-01T20:00Z/PT2H');

-- ---------------------------------------------------------------- from a need

SET ROLE recur_dso;
INSERT INTO need (market_operator_id, service_code, name, direction, power_kw, delivery_window) VALUES (1, 'PR', 'Reinforcement put off', 'up', 900, '2090-01-01T00:00Z/2090-03-01T00:00Z') RETURNING id AS need \gset
INSERT INTO need_window (need_id, delivery_window, power_kw) VALUES (:need, '2090-01-05T17:00Z/PT2H', 900), (:need, '2090-01-06T17:00Z/PT2H', 700);
SELECT competition_from_need(:need, '2089-10-01', '2089-11-01', 2);
UPDATE need SET status = 'published' WHERE id = :need;
SELECT competition_from_need(:need, '2089-10-01', '2089-11-01');
SELECT competition_from_need(:need, '2089-10-01', '2089-11-01', 1, '{"iceberg": true}');
SELECT competition_from_need(:need, '2089-10-01', '2089-11-01', 2, '{"challenge_period": "10 days", "tie_break": "seeded", "seed": 42}') AS made \gset
SELECT c.name, c.status, t.challenge_period, t.seed, r.delivery_window, r.power_kw, r.need_id = :need AS of_the_need FROM competition c JOIN competition_terms t ON t.competition_id = c.id JOIN competition_requirement r ON r.competition_id = c.id
WHERE c.id = :made ORDER BY r.delivery_window;
SELECT competition_from_need(:need + 1, '2089-10-01', '2089-11-01');
SET ROLE recur_volt;
SELECT competition_from_need(:need, '2089-10-01', '2089-11-01', 2);
RESET ROLE;

DROP VIEW pg_temp.timetable;
SELECT flexexchange.drop_exchange('recur_test', with_data => true);
DROP ROLE recur_dso, recur_volt;
